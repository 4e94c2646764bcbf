package stack

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPick(t *testing.T) {
	taken, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	takenUDP, err := net.ListenPacket("udp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = takenUDP.Close() }()
	free := freePort(t)
	for _, tc := range []struct {
		name      string
		wantUsual bool
		usual     int
		same      bool
	}{
		{"usual and free", true, free, true},
		{"taken for TCP", true, taken.Addr().(*net.TCPAddr).Port, false},
		{"taken for UDP", true, takenUDP.LocalAddr().(*net.UDPAddr).Port, false},
		{"usual not wanted", false, free, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := ports{usual: tc.wantUsual}
			defer p.release()
			got, err := p.pick(tc.usual)
			if err != nil || (got == tc.usual) != tc.same {
				t.Fatalf("picked %d (usual %d), error %v", got, tc.usual, err)
			}
			if again, err := p.pick(tc.usual); err != nil || again == got {
				t.Fatalf("picked %d twice (error %v)", again, err)
			}
			p.release()
			l, err := net.Listen("tcp", hostPort(got))
			if err != nil {
				t.Fatalf("released port: %v", err)
			}
			_ = l.Close()
		})
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	p := ports{}
	defer p.release()
	port, err := p.pick(0)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestTraversable(t *testing.T) {
	root := t.TempDir()
	closed := filepath.Join(root, "closed")
	below := filepath.Join(closed, "below")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{"/": true, closed: false, below: false, filepath.Join(root, "none"): false} {
		if got := traversable(dir); got != want {
			t.Errorf("traversable(%s) = %v", dir, got)
		}
	}
}

func TestPostmasterReady(t *testing.T) {
	dir := t.TempDir()
	if err := postmasterReady(dir); err == nil {
		t.Error("no file is ready")
	}
	for content, want := range map[string]bool{
		"1\n\n\n\n\n\n\nstarting\n":          false,
		"1\n\n\n\n\n\n\nready   \n":          os.Geteuid() == 0, // process 1 is there, and is root's
		"1\n":                                false,
		"99999999\n\n\n\n\n\n\nready   \n":   false, // left behind by a crash
		"nonsense\n\n\n\n\n\n\nready   \n":   false,
		"1\n\n\n\n\n\n\nstopping\nready  \n": false,
	} {
		if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := postmasterReady(dir); (err == nil) != want {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// A developer's own settings must not lead the demo to other servers.
func TestEnvHoldsNothingForeign(t *testing.T) {
	for _, name := range []string{"TEMPORAL_API_KEY", "TEMPORAL_ADDRESS", "EVERLEAF_ISSUER", "PGHOST",
		"PEBBLE_VA_ALWAYS_VALID"} {
		t.Setenv(name, "foreign")
	}
	s := &Stack{Dir: t.TempDir(), TemporalAddress: "127.0.0.1:1"}
	env := strings.Join(s.Env(), "\n")
	if strings.Contains(env, "foreign") || !strings.Contains(env, "TEMPORAL_ADDRESS=127.0.0.1:1") ||
		!strings.Contains(env, "PATH=") {
		t.Errorf("environment: %s", env)
	}
}

func TestSealingKeyIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var before string
	for range 2 {
		if err := sealingKey(path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		st, _ := os.Stat(path)
		if err != nil || len(strings.TrimSpace(string(b))) != 44 || st.Mode().Perm() != 0o600 {
			t.Fatalf("key file: %v, %d bytes, %v", err, len(b), st.Mode())
		}
		if before != "" && before != string(b) {
			t.Fatal("the key was replaced")
		}
		before = string(b)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("a\nb\nc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := Tail(path, 2); got != "  | b\n  | c" {
		t.Errorf("tail: %q", got)
	}
}
