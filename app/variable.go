package app

import (
	"fmt"
	"os"
	"strings"
)

// FileSuffix makes of the name of a variable that of one with the path of a file that holds the value, as platforms
// mount secrets.
const FileSuffix = "_FILE"

// Variable finds a variable of the environment, or what is in the file that the variable with FileSuffix names, without
// the line end. An empty one is not set. The error, which shows no value, is about both being set, and about a file
// that cannot be read, is empty or holds NUL.
func Variable(name string) (value string, err error) {
	value, path := os.Getenv(name), os.Getenv(name+FileSuffix)
	switch {
	case path == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s and %s%s are both set: leave one of them out", name, name, FileSuffix)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s%s: %w: correct the path or its permissions", name, FileSuffix, err)
	}
	value = strings.TrimRight(string(content), "\r\n")
	switch {
	case value == "":
		return "", fmt.Errorf("%s%s: %s is empty", name, FileSuffix, path)
	case strings.Contains(value, "\x00"):
		return "", fmt.Errorf("%s%s: %s is no text", name, FileSuffix, path)
	}
	return value, nil
}
