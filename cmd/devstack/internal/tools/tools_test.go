package tools

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "guard") {
		proc.Guard(os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func TestNewestPostgres(t *testing.T) {
	root := t.TempDir()
	install := func(dir, version string, programs ...string) string {
		dir = filepath.Join(root, dir)
		for _, p := range programs {
			script(t, filepath.Join(dir, p), "echo 'postgres (PostgreSQL) "+version+"'")
		}
		return dir
	}
	old := install("9", "9.6.24", "initdb", "postgres")
	pg15 := install("15", "15.18 (Debian 15.18-0+deb12u1)", "initdb", "postgres")
	pg17 := install("17", "17beta1", "initdb", "postgres")
	client := install("18", "18.0", "postgres") // no initdb
	for _, tc := range []struct {
		name  string
		dirs  []string
		want  string
		major int
	}{
		{"newest by number, not by text", []string{pg15, old}, pg15, 15},
		{"order does not matter", []string{pg17, pg15}, pg17, 17},
		{"incomplete ones do not count", []string{client, pg15, filepath.Join(root, "none")}, pg15, 15},
		{"none", []string{client}, "", 0},
	} {
		got, err := newestPostgres(t.Context(), tc.dirs)
		if got.BinDir != tc.want || got.Major != tc.major || (err != nil) != (tc.want == "") {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
	if got, _ := newestPostgres(t.Context(), []string{pg15}); got.Version != "15.18" {
		t.Errorf("version %q", got.Version)
	}
}

func TestRequired(t *testing.T) {
	goMod := []byte("module x\n\nrequire (\n\ta.test/b v1.2.3 // indirect\n\ta.test/b/v2 v2.0.0\n)\n\nrequire a.test/c v0.1.0\n\ntool a.test/d\n")
	for module, want := range map[string]string{"a.test/b": "v1.2.3", "a.test/b/v2": "v2.0.0", "a.test/c": "v0.1.0",
		"a.test/d": ""} {
		if got, err := required(goMod, module); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", module, got, err)
		}
	}
}

func TestKeptMakesOnce(t *testing.T) {
	b := newTestBox(t)
	var mu sync.Mutex
	made := 0
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			path, err := b.kept(t.Context(), "tool-v1", func(scratch string) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				made++
				p := filepath.Join(scratch, "tool")
				return p, os.WriteFile(p, nil, 0o700)
			})
			if err != nil || !executable(path) {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
	wg.Wait()
	if left, _ := filepath.Glob(filepath.Join(b.Dir, ".making-*")); made != 1 || len(left) > 0 {
		t.Errorf("made %d times, left behind %v", made, left)
	}
	if _, err := b.kept(t.Context(), "broken-v1",
		func(string) (string, error) { return "", io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a failed build: %v", err)
	}
}

// The SDK's download, from a web that is ours.
func TestDownload(t *testing.T) {
	web0 := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = web0 })

	t.Run("arrives", func(t *testing.T) {
		http.DefaultTransport = web(t, "#!/bin/sh\nexit 0\n")
		scratch := t.TempDir()
		path, err := newTestBox(t).download(t.Context(), scratch, 20*time.Second)
		if err != nil || filepath.Dir(path) != scratch {
			t.Fatalf("%q, %v", path, err)
		}
		if err := exec.Command(path).Run(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("stalls", func(t *testing.T) {
		http.DefaultTransport = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		if _, err := newTestBox(t).download(t.Context(), t.TempDir(), 100*time.Millisecond); err == nil ||
			!strings.Contains(err.Error(), "nothing came for 100ms") {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("is interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("Ctrl-C"))
		if _, err := newTestBox(t).download(ctx, t.TempDir(), time.Minute); err == nil ||
			!strings.Contains(err.Error(), "Ctrl-C") {
			t.Fatalf("error %v", err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// web answers as the download service does: where the archive is, then the archive.
func web(t *testing.T, program string) http.RoundTripper {
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	files := tar.NewWriter(zipped)
	err := errors.Join(files.WriteHeader(&tar.Header{Name: "temporal", Mode: 0o755, Size: int64(len(program))}),
		func() error { _, err := files.Write([]byte(program)); return err }(), files.Close(), zipped.Close())
	if err != nil {
		t.Fatal(err)
	}
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		body := archive.Bytes()
		if !strings.HasSuffix(r.URL.Path, ".tar.gz") {
			body = []byte(`{"archiveUrl":"https://archive.test/temporal.tar.gz","fileToExtract":"temporal"}`)
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
	})
}

func newTestBox(t *testing.T) *Box {
	t.Helper()
	procs, err := proc.NewGroup(os.Args[0], "guard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(procs.Stop)
	return &Box{Dir: t.TempDir(), Procs: procs, Say: func(format string, args ...any) { t.Logf(format, args...) }}
}

func script(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\n%s\n", body), 0o755); err != nil {
		t.Fatal(err)
	}
}

// With a package manager that is ours on a PATH that is ours: what is there is found, what is missing is installed
// once, by root, and nobody else is left without advice.
func TestContainerTools(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	b := newTestBox(t)
	if _, err := b.Path(t.Context(), "podman"); err == nil ||
		!strings.Contains(err.Error(), "not found: [buildah podman runc]") {
		t.Fatalf("without a package manager: %v", err)
	}
	script(t, filepath.Join(bin, "buildah"), "exit 0")
	script(t, filepath.Join(bin, "apt-get"), `case "$*" in *install*podman*) for p in podman runc; do echo x >"`+bin+
		`/$p"; /bin/chmod 755 "`+bin+`/$p"; done;; esac`)
	path, err := b.Path(t.Context(), "podman")
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), "sudo apt-get install buildah podman runc") {
			t.Fatalf("not root: %v", err)
		}
		return
	}
	if err != nil || path != filepath.Join(bin, "podman") {
		t.Fatalf("%q, %v", path, err)
	}
	script(t, filepath.Join(bin, "apt-get"), "exit 1")
	if path, err := b.Path(t.Context(), "runc"); err != nil || path != filepath.Join(bin, "runc") {
		t.Fatalf("again: %q, %v", path, err)
	}
}
