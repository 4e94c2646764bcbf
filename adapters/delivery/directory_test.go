package delivery

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// newBundle is a version of the certificate shop with a real key.
func newBundle(t testing.TB, serial int64) ports.Bundle {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"shop.example"},
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return ports.Bundle{Certificate: "shop", Issued: domain.Issued{Version: fmt.Sprint("v", serial)},
		ChainPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		KeyPEM:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
}

// shelf is a directory target in a temporary directory.
type shelf struct {
	*testing.T
	base, path string
	ports.Target
}

func newShelf(t *testing.T, change ...func(*Directory)) *shelf {
	t.Helper()
	base := t.TempDir()
	config := Directory{Path: filepath.Join(base, "{name}"), Combined: "tls.pem"}
	for _, c := range change {
		c(&config)
	}
	targets, err := New([]Config{{Name: "files", Directory: &config}}, Deps{})
	require.NoError(t, err)
	target, err := targets.Target("files")
	require.NoError(t, err)
	return &shelf{T: t, base: base, path: filepath.Join(base, "shop"), Target: target}
}

// counting has the command append a line to a file, which says how often it was run.
func counting(t *testing.T) (func(*Directory), func() int) {
	log := filepath.Join(t.TempDir(), "runs")
	return func(d *Directory) {
			d.Command = []string{"sh", "-c", `echo "$1 $2" >> ` + log, "sh", "{name}", "{path}"}
		}, func() int {
			content, _ := os.ReadFile(log)
			return strings.Count(string(content), "shop ")
		}
}

func (s *shelf) deliver(b ports.Bundle) string {
	s.Helper()
	confirmation, err := s.Deliver(s.Context(), b)
	require.NoError(s, err)
	drift, err := s.Drift(s.Context(), b)
	require.NoError(s, err)
	require.Empty(s, drift)
	return confirmation
}

// hidden are the entries besides the three files.
func (s *shelf) hidden() (names []string) {
	s.Helper()
	entries, err := os.ReadDir(s.path)
	require.NoError(s, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

func requireFault(t testing.TB, err error, kind domain.FaultKind, reason string) *domain.Fault {
	t.Helper()
	require.Error(t, err)
	fault := domain.AsFault(err)
	require.Equal(t, string(kind)+" "+reason, string(fault.Kind)+" "+string(fault.Reason), err.Error())
	return fault
}

func TestADirectoryHasChainKeyAndBoth(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	first, second := newBundle(t, 1), newBundle(t, 2)
	require.Equal(t, "written", s.deliver(first))
	require.Equal(t, "in place", s.deliver(first))
	require.Equal(t, "written", s.deliver(second))
	for file, mode := range map[string]os.FileMode{"tls.crt": 0o644, "tls.key": 0o600, "tls.pem": 0o600,
		".": 0o700 | os.ModeDir, "..data": 0o700 | os.ModeDir} {
		info, err := os.Stat(filepath.Join(s.path, file))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode(), file)
	}
	_, err := tls.LoadX509KeyPair(filepath.Join(s.path, "tls.crt"), filepath.Join(s.path, "tls.key"))
	require.NoError(t, err)
	_, err = tls.LoadX509KeyPair(filepath.Join(s.path, "tls.pem"), filepath.Join(s.path, "tls.pem"))
	require.NoError(t, err)
	require.Len(t, s.hidden(), 2, "one link and one version: an old key does not stay")
}

// A try that was cut off and comes back late neither overwrites nor removes what a later one has put there.
func TestALateTryUndoesNothing(t *testing.T) {
	t.Parallel()
	command, runs := counting(t)
	s := newShelf(t, command)
	first, second := newBundle(t, 1), newBundle(t, 2)
	first.Sequence, second.Sequence = 1_800_000_000_000_001, 1_800_000_000_000_003
	s.deliver(first)
	s.deliver(second)
	_, err := s.Deliver(t.Context(), first)
	requireFault(t, err, domain.FaultWait, "VersionReplaced")
	requireFault(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 1_800_000_000_000_002}),
		domain.FaultWait, "VersionReplaced")
	drift, err := s.Drift(t.Context(), second)
	require.NoError(t, err)
	require.Empty(t, drift)
	require.Equal(t, 2, runs())
	require.Equal(t, "in place", s.deliver(second), "a repeat")

	again := second
	again.Sequence += 2
	require.Equal(t, "written, command run", s.deliver(again), "asked for again, after a removal that has not come yet")
	requireFault(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: again.Sequence - 1}),
		domain.FaultWait, "VersionReplaced")

	version, err := os.Readlink(filepath.Join(s.path, "..data"))
	require.NoError(t, err)
	old := versionPrefix + "WITHOUTANUMBER"
	require.NoError(t, os.Rename(filepath.Join(s.path, version), filepath.Join(s.path, old)))
	require.NoError(t, os.Remove(filepath.Join(s.path, "..data")))
	require.NoError(t, os.Symlink(old, filepath.Join(s.path, "..data")))
	require.Equal(t, "written, command run", s.deliver(first), "what has no number was there before all that have one")
	require.NoError(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: first.Sequence + 1}))
	require.NoDirExists(t, s.path)
}

// A reader that opens the directory's link once has one version; and no reader ever finds a file missing.
func TestReadersNeverSeeHalfAVersion(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.deliver(newBundle(t, 1))
	done := make(chan struct{})
	var reading sync.WaitGroup
	var reads, bad int
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			combined := filepath.Join(s.path, "tls.pem")
			content, err := os.ReadFile(combined)
			if errors.Is(err, fs.ErrNotExist) { // it was on its way by the former link: the next look goes by the new one
				content, err = os.ReadFile(combined)
			}
			if err == nil {
				_, err = tls.X509KeyPair(content, content)
			}
			reads++
			if err != nil {
				bad++
			}
		}
	})
	for serial := int64(2); serial < 40; serial++ {
		_, err := s.Deliver(t.Context(), newBundle(t, serial))
		require.NoError(t, err)
	}
	close(done)
	reading.Wait()
	require.Zero(t, bad, "of %d reads", reads)
	require.NotZero(t, reads)
}

func TestTheCommandRunsAfterAChangeAlone(t *testing.T) {
	t.Parallel()
	command, runs := counting(t)
	s := newShelf(t, command)
	b := newBundle(t, 1)
	require.Equal(t, "written, command run", s.deliver(b))
	require.Equal(t, "in place", s.deliver(b))
	require.Equal(t, 1, runs())
	require.NoError(t, os.Remove(filepath.Join(s.path, "..data", confirmedMark)),
		"as after a kill between the swap and the command")
	drift, err := s.Drift(t.Context(), b)
	require.NoError(t, err)
	require.Contains(t, drift, "command")
	require.Equal(t, "in place, command run", s.deliver(b))
	require.Equal(t, 2, runs())
	require.NoError(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}))
	require.NoError(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}), "once more")
	require.Equal(t, 2, runs(), "a removal is no change")
	require.NoDirExists(t, s.path)
}

func TestDriftIsReportedAndRepaired(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	b := newBundle(t, 1)
	in := func(name string) string { return filepath.Join(s.path, name) }
	for _, c := range []struct {
		name  string
		harm  func() error
		drift string
	}{
		{"nothing was ever there", func() error { return nil }, "the directory is gone"},
		{"a file was deleted", func() error { return os.Remove(in("tls.key")) }, "tls.key is not"},
		{"what it leads to was deleted", func() error { return os.Remove(in("..data/tls.key")) }, "tls.key is gone"},
		{"another certificate", func() error { return os.WriteFile(in("tls.crt"), []byte("other"), 0o600) },
			"tls.crt has another content"},
		{"a key for everybody", func() error { return os.Chmod(in("tls.key"), 0o644) }, "tls.key has mode -rw-r--r--"},
		{"a file in the link's place", func() error {
			if err := os.Remove(in("tls.crt")); err != nil {
				return err
			}
			return os.WriteFile(in("tls.crt"), b.ChainPEM, 0o600)
		}, "tls.crt is not"},
		{"no version", func() error { return os.Remove(in("..data")) }, "..data is gone"},
		{"all is gone", func() error { return os.RemoveAll(s.path) }, "the directory is gone"},
	} {
		require.NoError(t, c.harm(), c.name)
		drift, err := s.Drift(t.Context(), b)
		require.NoError(t, err, c.name)
		require.Contains(t, drift, c.drift, c.name)
		require.Equal(t, "written", s.deliver(b), c.name)
		require.Len(t, s.hidden(), 2, c.name)
	}
}

func TestWhatAKilledTryLeftIsCleanedUp(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.deliver(newBundle(t, 1))
	require.NoError(t, os.WriteFile(filepath.Join(s.path, "notes"), nil, 0o600))
	second := newBundle(t, 2)
	// The first of these deliveries writes; the second finds the version in place, as after a kill that came later.
	for range 2 {
		require.NoError(t, os.Mkdir(filepath.Join(s.path, versionPrefix+"half"), 0o700))
		require.NoError(t, os.Symlink("nowhere", filepath.Join(s.path, newLink)))
		require.NoError(t, os.Symlink("..data/old.pem", filepath.Join(s.path, "old.pem")),
			"a combined file of an earlier config")
		s.deliver(second)
		require.Len(t, s.hidden(), 2)
		_, err := os.Lstat(filepath.Join(s.path, "old.pem"))
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	require.NoError(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}))
	require.Equal(t, []string{"notes"}, names(t, s.path), "what is not ours stays")
}

// names are the entries of a directory.
func names(t testing.TB, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// The command is for what is there: nginx -s reload fails while its configuration names files that are gone. What is to
// run after a removal has a setting of its own.
func TestARemovalRunsItsOwnCommand(t *testing.T) {
	t.Parallel()
	command, delivered := counting(t)
	s := newShelf(t, command)
	s.deliver(newBundle(t, 1))
	require.NoError(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}))
	require.NoDirExists(t, s.path)
	require.Equal(t, 1, delivered(), "for the delivery alone")

	removeCommand, removed := counting(t)
	s = newShelf(t, func(d *Directory) {
		removeCommand(d)
		d.Command, d.RemoveCommand = nil, d.Command
	})
	require.Equal(t, "written", s.deliver(newBundle(t, 1)))
	require.Zero(t, removed())
	for range 2 {
		require.NoError(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}))
		require.Equal(t, 1, removed(), "once for what was there")
	}
	s = newShelf(t, func(d *Directory) { d.RemoveCommand = []string{"/nowhere/reload"} })
	s.deliver(newBundle(t, 1))
	fault := requireFault(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}),
		domain.FaultOperator, "TargetRefused")
	require.Contains(t, fault.Message, "correct directory.removeCommand")
}

func TestARemovalWhoseCommandFailsIsGoneOnWith(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	s := newShelf(t, func(d *Directory) { d.RemoveCommand = []string{"test", "-e", gate} })
	s.deliver(newBundle(t, 1))
	require.NoError(t, os.Remove(gate))
	requireFault(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}), domain.FaultWait,
		"TargetUnavailable")
	require.Equal(t, []string{removingMark}, names(t, s.path), "no key stays while the command is repeated")
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	require.NoError(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}))
	require.NoDirExists(t, s.path)
}

func TestADirectoryRefusesWhatLeadsElsewhere(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	s := newShelf(t)
	elsewhere := t.TempDir()
	require.NoError(t, os.Symlink(elsewhere, s.path))
	_, err := s.Deliver(t.Context(), b)
	require.Contains(t, requireFault(t, err, domain.FaultOperator, "TargetRefused").Message, "is a link")
	requireFault(t, s.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}), domain.FaultOperator,
		"TargetRefused")
	require.Empty(t, names(t, elsewhere))

	require.NoError(t, os.Remove(s.path))
	require.NoError(t, os.WriteFile(s.path, nil, 0o600))
	_, err = s.Deliver(t.Context(), b)
	require.Contains(t, requireFault(t, err, domain.FaultOperator, "TargetRefused").Message, "is not a directory")

	b.Certificate = "../shop"
	_, err = s.Deliver(t.Context(), b)
	require.Equal(t, domain.FaultSpec, domain.AsFault(err).Kind)

	gone := newShelf(t, func(d *Directory) { d.Path = filepath.Join(elsewhere, "nowhere", "{name}") })
	_, err = gone.Deliver(t.Context(), newBundle(t, 1))
	requireFault(t, err, domain.FaultOperator, "TargetRefused")
	require.NoError(t, gone.Remove(t.Context(), ports.Removal{Certificate: "shop", Sequence: 99}))
}

func TestTheOwnerGetsTheFiles(t *testing.T) {
	t.Parallel()
	mine := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	newShelf(t, func(d *Directory) { d.Owner = mine }).deliver(newBundle(t, 1))
	s := newShelf(t, func(d *Directory) { d.Owner = "nobody-has-this-name" })
	_, err := s.Deliver(t.Context(), newBundle(t, 1))
	requireFault(t, err, domain.FaultOperator, "TargetRefused")
	require.NoDirExists(t, s.path)
}

func TestTwoTriesAtOnceEndWithOneVersion(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	bundles := []ports.Bundle{newBundle(t, 1), newBundle(t, 2), newBundle(t, 3), newBundle(t, 4)}
	errs := make([]error, len(bundles))
	var tries sync.WaitGroup
	for i, b := range bundles {
		tries.Go(func() { _, errs[i] = s.Deliver(t.Context(), b) })
	}
	tries.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	_, err := tls.LoadX509KeyPair(filepath.Join(s.path, "tls.crt"), filepath.Join(s.path, "tls.key"))
	require.NoError(t, err)
	require.Len(t, s.hidden(), 2)
}

func TestADirectoryThatAKillLeftBehindIsGivenToItsOwner(t *testing.T) {
	t.Parallel()
	me, mine := uint32(os.Geteuid()), uint32(os.Getegid())
	uid, gid := me, mine
	if me == 0 { // only root gives files away; anybody else walks the same way, to himself
		uid, gid = 12345, 12346
	}
	owner := fmt.Sprintf("%d:%d", uid, gid)
	s := newShelf(t, func(d *Directory) { d.Owner, d.Path = owner, filepath.Join(d.Path, "tls") })
	require.NoError(t, os.MkdirAll(filepath.Join(s.path, "tls"), 0o700)) // made, and killed before it was given away
	s.deliver(newBundle(t, 1))
	owned := func(path string, user, group uint32) {
		t.Helper()
		info, err := os.Stat(path)
		require.NoError(t, err)
		stat := info.Sys().(*syscall.Stat_t)
		require.Equal(t, []uint32{user, group}, []uint32{stat.Uid, stat.Gid}, path)
	}
	owned(filepath.Join(s.path, "tls"), uid, gid)
	owned(filepath.Join(s.path, "tls", "tls.key"), uid, gid)
	owned(s.path, me, mine) // it is not empty: its owner wants it so

	fresh := newShelf(t, func(d *Directory) { d.Owner, d.Path = owner, filepath.Join(d.Path, "tls") })
	require.NoError(t, os.Mkdir(fresh.path, 0o700))
	fresh.deliver(newBundle(t, 1))
	owned(fresh.path, uid, gid)
	owned(filepath.Join(fresh.path, "tls"), uid, gid)

	operators := newShelf(t, func(d *Directory) { d.Owner = owner })
	require.NoError(t, os.Mkdir(operators.path, 0o750))
	operators.deliver(newBundle(t, 1))
	owned(operators.path, me, mine)
}

func TestANamedPipeHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	bundle := newBundle(t, 1)
	s.deliver(bundle)
	key := filepath.Join(s.path, "..data", "tls.key")
	require.NoError(t, os.Remove(key))
	require.NoError(t, syscall.Mkfifo(key, 0o600))
	done := make(chan string, 1)
	go func() {
		drift, _ := s.Drift(context.Background(), bundle)
		done <- drift
	}()
	select {
	case drift := <-done:
		require.Contains(t, drift, "tls.key has mode p")
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for somebody to write into the pipe")
	}
	require.Equal(t, "written", s.deliver(bundle))
}
