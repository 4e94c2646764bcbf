package sealing_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/sealing"
	"everleaf/domain"
)

// here is where the tests' secrets belong.
var here = domain.CertificateKeyPlace("web", "0a")

// keyFile writes a key file and gives its URL and content.
func keyFile(t testing.TB, seed byte) (url, content string) {
	t.Helper()
	content = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{seed}, 32))
	path := filepath.Join(t.TempDir(), "sealing.key")
	require.NoError(t, os.WriteFile(path, []byte(content+"\n"), 0o600))
	return "file://" + path, content
}

func open(t testing.TB, url string) *sealing.Keeper {
	t.Helper()
	keeper, err := sealing.Open(t.Context(), sealing.Config{KeyURL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, keeper.Close()) })
	return keeper
}

func requireFault(t testing.TB, err error, kind domain.FaultKind, reason string) {
	t.Helper()
	fault, ok := errors.AsType[*domain.Fault](err)
	require.True(t, ok, "%v is a fault", err)
	require.Equal(t, string(kind)+" "+reason, string(fault.Kind)+" "+string(fault.Reason), err.Error())
}

func TestSealedSecretsOpenAgainAndShowNothing(t *testing.T) {
	url, _ := keyFile(t, 1)
	sealer, after := open(t, url), open(t, url) // after: the process was restarted
	random := rand.NewChaCha8([32]byte{7})
	for _, length := range []int{0, 1, 31, 32, 33, 241, 3272, 100_000} {
		plaintext := make([]byte, length)
		_, _ = random.Read(plaintext)
		sealed, err := sealer.Seal(t.Context(), here, plaintext)
		require.NoError(t, err)
		again, err := sealer.Seal(t.Context(), here, plaintext)
		require.NoError(t, err)
		require.NotEqual(t, sealed, again, "the same secret never looks the same")
		if length > 8 {
			require.False(t, bytes.Contains(sealed, plaintext))
		}
		opened, err := after.Open(t.Context(), here, sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plaintext, opened))
	}
}

func TestDamagedOrForeignSecretsAreRefusedWithoutShowingAny(t *testing.T) {
	url, content := keyFile(t, 1)
	otherURL, otherContent := keyFile(t, 2)
	sealer, other := open(t, url), open(t, otherURL)
	secret := []byte("-----BEGIN PRIVATE KEY----- plain secret")
	sealed, err := sealer.Seal(t.Context(), here, secret)
	require.NoError(t, err)

	check := func(err error, reason, says string) {
		t.Helper()
		requireFault(t, err, domain.FaultOperator, reason)
		require.ErrorContains(t, err, says)
		for _, hidden := range []string{"plain secret", "PRIVATE KEY", content, otherContent} {
			require.NotContains(t, err.Error(), hidden)
		}
	}
	_, err = other.Open(t.Context(), here, sealed)
	check(err, "SealingKeyWrong", "--sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD); else give the key that sealed it as --sealing-key (EVERLEAF_SEALING_KEY)")
	require.Equal(t, 10*time.Minute, domain.AsFault(err).RetryAfter, "another worker may know it")
	const restore = "restore it from a backup"
	for length := range sealed {
		for _, keeper := range []*sealing.Keeper{sealer, other} { // damage is found without the key
			_, err := keeper.Open(t.Context(), here, sealed[:length])
			check(err, "SecretDamaged", restore)
			damaged := bytes.Clone(sealed)
			damaged[length] ^= 0x40
			_, err = keeper.Open(t.Context(), here, damaged)
			check(err, "SecretDamaged", restore)
		}
		// Changed on purpose, checksum and all.
		forged := bytes.Clone(sealed[:len(sealed)-8])
		if length >= 9 && length < len(forged) {
			forged[length] ^= 0x40
			sum := sha256.Sum256(forged)
			_, err = sealer.Open(t.Context(), here, append(forged, sum[:8]...))
			check(err, "SecretDamaged", restore)
		}
	}
	_, err = sealer.Open(t.Context(), here, append(bytes.Clone(sealed), 0))
	check(err, "SecretDamaged", restore)
}

// A secret opens at its place and nowhere else, and the fault says where it belongs.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	url, _ := keyFile(t, 1)
	otherURL, _ := keyFile(t, 2)
	sealer := open(t, url)
	places := []domain.Place{
		here, domain.CertificateKeyPlace("web", "0b"), domain.CertificateKeyPlace("web2", "0a"),
		domain.AccountKeyPlace("web", "0a"), domain.AccountKeyPlace("web", "https://ca.example/directory"),
		{Kind: domain.SecretCheck}, {},
	}
	for _, belongs := range places {
		sealed, err := sealer.Seal(t.Context(), belongs, []byte("plain secret"))
		require.NoError(t, err)
		for _, found := range places {
			opened, err := sealer.Open(t.Context(), found, sealed)
			if found == belongs {
				require.NoError(t, err)
				require.Equal(t, "plain secret", string(opened))
				continue
			}
			requireFault(t, err, domain.FaultOperator, "SecretMisplaced")
			require.Nil(t, opened)
			require.ErrorContains(t, err, fmt.Sprintf("what is stored for %q was sealed as %q", found, belongs))
			require.NotContains(t, err.Error(), "plain secret")
			_, err = open(t, otherURL).Open(t.Context(), found, sealed)
			requireFault(t, err, domain.FaultOperator, "SealingKeyWrong")
		}
	}

	// The place that is named is authenticated: changed with its checksum, it is damage and no other place.
	sealed, err := sealer.Seal(t.Context(), here, []byte("plain secret"))
	require.NoError(t, err)
	forged := bytes.Replace(sealed[:len(sealed)-8], []byte("web 0a"), []byte("web 0b"), 1)
	sum := sha256.Sum256(forged)
	for _, place := range places[:2] {
		_, err = sealer.Open(t.Context(), place, append(forged, sum[:8]...))
		requireFault(t, err, domain.FaultOperator, "SecretDamaged")
	}
	_, err = sealer.Seal(t.Context(), domain.CertificateKeyPlace(strings.Repeat("x", 1<<16), ""), nil)
	require.Error(t, err, "its length has two octets")
}

func FuzzOpenNeverPanics(f *testing.F) {
	url, _ := keyFile(f, 1)
	sealer := open(f, url)
	sealed, err := sealer.Seal(f.Context(), here, []byte("x"))
	require.NoError(f, err)
	f.Add(sealed)
	f.Add([]byte{1, 0xff, 0xff})
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if opened, err := sealer.Open(context.Background(), here, data); err == nil {
			require.Equal(t, "x", string(opened))
		}
	})
}

func TestMalformedKeysAreNamedAndNotShown(t *testing.T) {
	const secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlYzE=" // 32 octets in base64
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return "file://" + path
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for _, c := range []struct{ url, says string }{
		{"", "is empty"},
		{"  ", "is empty"},
		{secret, "is not a URL"},
		{"/etc/sealing.key", "is not a URL"},
		{"https://" + secret, "is not a URL"},
		{"base64key://" + secret, "file:///path"},
		{"base64key://", "holds the key itself"},
		{"file:sealing.key", "absolute path"},
		{"file://sealing.key", "absolute path"},
		{"file://" + secret, "absolute path"},
		{"file:///%zz", "absolute path"},
		{"file:///sealing.key?x=" + secret, "absolute path"},
		{"file://" + dir + "/missing", "no such file"},
		{"file://" + dir, "is not a file"},
		{"file://" + dir + "/pipe", "is not a file"},
		{write("empty", " \n", 0o600), "is empty"},
		{write("short", secret[:40], 0o600), "holds 30 octets instead of 32"},
		{write("long", strings.Repeat(secret[:40], 2), 0o600), "holds 60 octets instead of 32"},
		{write("text", "my "+secret, 0o600), "is not base64"},
		{write("endless", strings.Repeat("A", 1<<20), 0o600), "octets instead of 32"},
		{write("world", secret, 0o644), "mode 0644"},
		{write("group", secret, 0o640), "chmod 600"},
		{"awskms://%zz", "well-formed"},
		{"azurekeyvault://nowhere", "azurekeyvault library"},
		{"hashivault://key?token=" + secret, `"token", and hashivault takes only: engine`},
		{"hashivault://me:" + secret + "@key", "user or password"},
	} {
		_, err := sealing.Open(t.Context(), sealing.Config{KeyURL: c.url})
		requireFault(t, err, domain.FaultOperator, "SealingKeyMalformed")
		require.ErrorContains(t, err, c.says, c.url)
		require.ErrorContains(t, err, "sealing-key")
		require.NotContains(t, err.Error(), secret[:40], "%s", c.says)
	}
}

// The commands that the errors advise make a key that is taken.
func TestTheAdvisedKeyFileIsTaken(t *testing.T) {
	url, _ := keyFile(t, 3)
	path := strings.TrimPrefix(url, "file://")
	require.NoError(t, os.Chmod(path, 0o400))
	spaced := filepath.Join(t.TempDir(), "sealing key")
	require.NoError(t, os.Symlink(path, spaced))
	open(t, "file://"+strings.ReplaceAll(spaced, " ", "%20"))
}

// Vault is the one key service whose protocol is plain enough to stand in for here. gocloud makes one client of it for
// the whole process: so there is one server, and each test says what it answers.
var vault = sync.OnceValue(func() *atomic.Pointer[http.HandlerFunc] {
	var answer atomic.Pointer[http.HandlerFunc]
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		(*answer.Load())(w, r)
	}))
	_ = os.Setenv("VAULT_ADDR", service.URL) // fails only for a name that cannot be one
	_ = os.Setenv("VAULT_MAX_RETRIES", "0")
	return &answer
})

// serveVault is for tests that do not run in parallel.
func serveVault(answer http.HandlerFunc) { vault().Store(&answer) }

func TestKeyServiceFaults(t *testing.T) {
	answer := http.StatusOK
	serveVault(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answer)
		_, _ = w.Write([]byte(`{"data":{"ciphertext":"vault:v1:x"},"errors":["as asked"]}`))
	})
	keeper := open(t, "hashivault://everleaf")
	sealed, err := keeper.Seal(t.Context(), here, []byte("plain secret"))
	require.NoError(t, err)
	for _, c := range []struct {
		status int
		kind   domain.FaultKind
		reason string
	}{
		{http.StatusBadRequest, domain.FaultOperator, "SealingKeyWrong"},
		{http.StatusForbidden, domain.FaultOperator, "SealingKeyRefused"},
		{http.StatusNotFound, domain.FaultOperator, "SealingKeyRefused"},
		{http.StatusServiceUnavailable, domain.FaultWait, "SealingUnavailable"},
	} {
		answer = c.status
		_, err := keeper.Open(t.Context(), here, sealed)
		requireFault(t, err, c.kind, c.reason)
		require.NotContains(t, err.Error(), "plain secret")
	}
	serveVault(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }) // it hangs up
	_, err = keeper.Open(t.Context(), here, sealed)
	requireFault(t, err, domain.FaultWait, "SealingUnavailable")
}
