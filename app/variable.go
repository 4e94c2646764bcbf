package app

import (
	"os"
	"strings"
)

// FileSuffix makes of the name of a variable that of one with the path of a file that holds the value, as platforms
// mount secrets.
const FileSuffix = "_FILE"

// Variable finds a variable of the environment, as os.LookupEnv does, or what is in the file that the variable with
// FileSuffix names, without the line end. A file that cannot be read is as a variable that is not set.
func Variable(name string) (value string, found bool) {
	if value, found = os.LookupEnv(name); found {
		return value, true
	}
	path := os.Getenv(name + FileSuffix)
	if path == "" {
		return "", false
	}
	value, err := ReadSecret(path)
	return value, err == nil
}

// ReadSecret reads a file with one value, and leaves the line end out.
func ReadSecret(path string) (string, error) {
	content, err := os.ReadFile(path)
	return strings.TrimRight(string(content), "\r\n"), err
}
