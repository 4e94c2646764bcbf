package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestLogsOfTheLastRunsAreKept(t *testing.T) {
	dir := t.TempDir()
	const gone = 1 << 30 // no process has this number
	folder := func(name string) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for day := range 12 {
		folder(fmt.Sprintf("202601%02d-120000-%d", day+1, gone))
	}
	running := fmt.Sprintf("20250101-120000-%d", os.Getpid())
	folder(running)
	folder("notes")
	path, err := NewLogs(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{path: true, running: true, "notes": true,
		fmt.Sprintf("20260112-120000-%d", gone): true,
		fmt.Sprintf("20260104-120000-%d", gone): true, fmt.Sprintf("20260103-120000-%d", gone): false} {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if st, err := os.Stat(name); (err == nil && st.IsDir()) != want {
			t.Errorf("%s: %v, want it kept: %v", name, err, want)
		}
	}
}
