package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/app"
)

func export(t *testing.T, dir string) (*bench, int) {
	t.Helper()
	b := newBench(t)
	return b, b.run(t.Context(), "cert", "export", name, "--dir", dir, "--postgres-url", "p", "--sealing-key", "k",
		"--sealing-keys-old", "l,m", "--reason", "to look")
}

// only requires that the directory holds these files with these modes and contents, and no others.
func only(t *testing.T, dir string, want map[string]string, modes map[string]fs.FileMode) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, len(want))
	for file, content := range want {
		got, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Equal(t, content, string(got))
		if mode, ok := modes[file]; ok {
			info, err := os.Lstat(filepath.Join(dir, file))
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode(), file)
		}
	}
}

func TestExportWritesModesWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o077} {
		dir := filepath.Join(t.TempDir(), "new", "tls")
		old := syscall.Umask(mask)
		b, code := export(t, dir)
		syscall.Umask(old)
		b.exits(t, exitOK, code)
		only(t, dir, map[string]string{certFile: "chain\n", keyFile: "very secret\n"},
			map[string]fs.FileMode{certFile: 0o644, keyFile: 0o600})
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
		require.Equal(t, "wrote tls.crt and tls.key to "+dir+", serial 0a1b\n", b.out.String())
		require.NotContains(t, b.out.String()+b.err.String(), "secret", "the key goes to its file only")
		require.Equal(t, []string{"l", "m"}, b.config.Sealing.OldKeyURLs)
		require.Equal(t, app.ExportRequest{Name: name, By: app.Asker(), Reason: "to look"}, b.exportRequest)
		require.Regexp(t, `^.+@.+$`, b.exportRequest.By)
	}
}

func TestExportReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, keyFile), []byte("old"), 0o666))
	before, err := os.Open(filepath.Join(dir, keyFile))
	require.NoError(t, err)
	defer func() { _ = before.Close() }()
	b, code := export(t, dir)
	b.exits(t, exitOK, code)
	only(t, dir, map[string]string{certFile: "chain\n", keyFile: "very secret\n"},
		map[string]fs.FileMode{keyFile: 0o600})
	content := make([]byte, 10)
	n, err := before.Read(content)
	require.NoError(t, err)
	require.Equal(t, "old", string(content[:n]),
		"a reader keeps the file that it opened: it was replaced, not rewritten")
}

func TestExportKeepsToItsDirectory(t *testing.T) {
	other := t.TempDir()
	target := filepath.Join(other, "target")
	for _, c := range []struct {
		title string
		plant func(dir string) (exportTo string)
		says  string
	}{
		{"key is a link", func(dir string) string { _ = os.Symlink(target, filepath.Join(dir, keyFile)); return dir },
			"tls.key in "},
		{"chain is a link", func(dir string) string {
			_ = os.Symlink(target,
				filepath.Join(dir, certFile))
			return dir
		}, "tls.crt in "},
		{"key is a directory", func(dir string) string {
			_ = os.Mkdir(filepath.Join(dir, keyFile),
				0o700)
			return dir
		}, "not a regular file"},
		{"directory is a link", func(dir string) string {
			link := filepath.Join(dir, "link")
			_ = os.Symlink(other,
				link)
			return link
		}, "symbolic link"},
		{"directory is a file", func(dir string) string {
			file := filepath.Join(dir, "file")
			_ = os.WriteFile(file, nil, 0o600)
			return file
		}, "not a directory"},
	} {
		t.Run(c.title, func(t *testing.T) {
			dir := t.TempDir()
			to := c.plant(dir)
			before, err := os.ReadDir(dir)
			require.NoError(t, err)
			b, code := export(t, to)
			b.exits(t, exitProblem, code)
			require.Contains(t, b.err.String(), c.says)
			require.NotContains(t, b.err.String(), "secret")
			after, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Equal(t, len(before), len(after), "nothing is left behind")
			only(t, other, map[string]string{}, nil)
		})
	}
}

// If the second file cannot be written, the first stays as it was.
func TestExportWritesBothOrNeither(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, keyFile), []byte("old key"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, certFile), 0o700))
	require.Error(t, writePair(dir, []byte("chain"), []byte("new key")))
	kept, err := os.ReadFile(filepath.Join(dir, keyFile))
	require.NoError(t, err)
	require.Equal(t, "old key", string(kept))
}
