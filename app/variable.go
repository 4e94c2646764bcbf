package app

import (
	"fmt"
	"os"
	"strings"
)

// FileSuffix makes of the name of a variable that of one with the path of a file that holds the value, as platforms
// mount secrets.
const FileSuffix = "_FILE"

// maxSecret bounds such a file, in octets.
const maxSecret = 64 << 10

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
	if value, err = readSecret(path); err != nil {
		return "", fmt.Errorf("%s%s: %w", name, FileSuffix, err)
	}
	return value, nil
}

// Rereads returns a function that reads the variable's file again, if value is what is in it now; else nil.
func Rereads(name, value string) func() (string, error) {
	path := os.Getenv(name + FileSuffix)
	if now, err := readSecret(path); path == "" || err != nil || now != value {
		return nil
	}
	return func() (string, error) { return readSecret(path) }
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: correct the path or its permissions", err)
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return "", fmt.Errorf("%s is no file of at most %d octets", path, maxSecret)
	}
	content, err := os.ReadFile(path)
	value := strings.TrimRight(strings.TrimPrefix(string(content), "\uFEFF"), "\r\n") // some editors begin with a mark
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: correct the path or its permissions", err)
	case value == "":
		return "", fmt.Errorf("%s is empty", path)
	case strings.Contains(value, "\x00"):
		return "", fmt.Errorf("%s is no text", path)
	}
	return value, nil
}
