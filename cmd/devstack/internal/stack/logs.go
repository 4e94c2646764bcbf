package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// keptLogs is of how many runs the logs are kept.
const keptLogs = 10

// logFolder is the name of a run's folder: when it began, and the process.
var logFolder = regexp.MustCompile(`^\d{8}-\d{6}-(\d+)$`)

// NewLogs makes the folder of this run's logs below dir, and removes those of all but the newest runs that are over.
func NewLogs(dir string) (string, error) {
	name := fmt.Sprintf("%s-%d", time.Now().Format("20060102-150405"), os.Getpid())
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of logs: %w", err)
	}
	entries, err := os.ReadDir(dir) // sorted by name, so the oldest first
	if err != nil {
		return "", fmt.Errorf("look for older logs: %w", err)
	}
	var runs []string
	for _, e := range entries {
		if m := logFolder.FindStringSubmatch(e.Name()); m != nil && e.IsDir() {
			runs = append(runs, e.Name())
		}
	}
	for _, run := range runs[:max(0, len(runs)-keptLogs)] {
		pid, _ := strconv.Atoi(logFolder.FindStringSubmatch(run)[1])
		if syscall.Kill(pid, 0) == nil {
			continue // it may still write
		}
		if err := os.RemoveAll(filepath.Join(dir, run)); err != nil {
			return "", fmt.Errorf("remove older logs: %w", err)
		}
	}
	return path, nil
}
