package acme

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mholt/acmez/v3/acme"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestWithoutAlternates(t *testing.T) {
	cases := []struct{ in, want []string }{
		{[]string{`<https://ca/dir>;rel="index"`, `<https://ca/c/1>;rel="alternate"`},
			[]string{`<https://ca/dir>;rel="index"`}},
		{[]string{`<https://ca/c/1>; rel="alternate", <https://ca/up>;rel="up"`}, []string{`<https://ca/up>;rel="up"`}},
		{[]string{`<https://ca/c/1>;rel="alternate"`}, []string{}},
	}
	for _, c := range cases {
		require.Equal(t, c.want, withoutAlternates(c.in))
	}
}

func TestChallengeFaults(t *testing.T) {
	ca := &CA{config: Config{Issuer: "main"}}
	cases := []struct {
		problem string
		kind    domain.FaultKind
		reason  string
	}{
		{"dns", domain.FaultName, "DNSFailed"},
		{"connection", domain.FaultName, "ConnectionFailed"},
		{"unauthorized", domain.FaultName, "ChallengeUnauthorized"},
		{"incorrectResponse", domain.FaultName, "ChallengeIncorrect"},
		{"tls", domain.FaultName, "TLSFailed"},
		{"caa", domain.FaultName, "CAAForbids"},
		{"rejectedIdentifier", domain.FaultName, "NameRejected"},
		{"unsupportedIdentifier", domain.FaultName, "NameUnsupported"},
		{"serverInternal", domain.FaultCA, "ServerError"},
		{"rateLimited", domain.FaultRateLimited, "RateLimited"},
		{"malformed", domain.FaultOperator, "RequestMalformed"},
	}
	for _, c := range cases {
		got := ca.authorization(acme.Authorization{
			Identifier: acme.Identifier{Type: "dns", Value: "example.org"}, Wildcard: true, Status: acme.StatusInvalid,
			Challenges: []acme.Challenge{{Type: "http-01"}, {Type: "dns-01",
				Error: &acme.Problem{Type: acme.ProblemTypeNamespace + c.problem, Detail: "the CA's words"}}},
		}, 0)
		require.Equal(t, "*.example.org", got.Name)
		require.Equal(t, c.kind, got.Fault.Kind, c.problem)
		require.EqualValues(t, c.reason, got.Fault.Reason)
		require.Zero(t, got.Fault.RetryAfter, "the backoff schedule's")
		require.False(t, got.Fault.Transient(), "it is final")
		for _, part := range []string{"*.example.org", `"main"`, "dns-01", "the CA's words"} {
			require.Contains(t, got.Fault.Message, part)
		}
	}
	for status, reason := range map[string]string{"expired": "AuthorizationExpired",
		"revoked":     "AuthorizationWithdrawn",
		"deactivated": "AuthorizationWithdrawn", "invalid": "ChallengeFailed"} {
		require.EqualValues(t, reason, ca.authorization(acme.Authorization{Status: status}, 0).Fault.Reason)
	}
	require.Nil(t, ca.authorization(acme.Authorization{Status: acme.StatusValid}, 0).Fault)
}

func TestWordsAreBounded(t *testing.T) {
	long := strings.Repeat("ü\x1b", 5000)
	problem := acme.Problem{Type: long, Detail: long, Instance: long}
	for range 1000 {
		problem.Subproblems = append(problem.Subproblems,
			acme.Subproblem{Problem: acme.Problem{Type: long, Detail: long}})
	}
	got := words(problem)
	require.Less(t, len(got), 50*maxWords)
	require.NotContains(t, got, "\x1b")
	require.True(t, strings.HasSuffix(printable(long, 11), "..."))
}

func TestSettings(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	require.NoError(t, os.WriteFile(empty, []byte("no PEM"), 0o600))
	const directory = "https://ca.example.org/dir"
	cases := []struct {
		config Config
		says   string
	}{
		{Config{Directory: directory}, `--issuer (EVERLEAF_ISSUER) "" cannot work: use 1 to 63`},
		{Config{Issuer: "main", Directory: "http://x", Source: "f: issuers[1]"},
			`f: issuers[1].directory "http://x" cannot work`},
		{Config{Issuer: "main"}, `(EVERLEAF_ACME_DIRECTORY) ""`},
		{Config{Issuer: "main", Directory: "http://ca.example.org/dir"},
			`--acme-directory (EVERLEAF_ACME_DIRECTORY) "http://ca.example.org/dir" cannot work: it is not an https URL`},
		{Config{Issuer: "main", Directory: "https:///dir"}, "not an https URL"},
		{Config{Issuer: "main", Directory: directory + "#x"}, "fragment"},
		{Config{Issuer: "main", Directory: "https://me:secret@ca.example.org/dir"}, "must not hold"},
		{Config{Issuer: "main", Directory: directory, Email: "Ops <ops@example.org>"},
			`--acme-email (EVERLEAF_ACME_EMAIL) "Ops <ops@example.org>" cannot work`},
		{Config{Issuer: "main", Directory: directory, Timeout: -1}, "--acme-timeout (EVERLEAF_ACME_TIMEOUT)"},
		{Config{Issuer: "main", Directory: directory, CABundle: filepath.Join(dir, "none.pem")},
			"--acme-ca-bundle (EVERLEAF_ACME_CA_BUNDLE) " + strconv.Quote(filepath.Join(dir, "none.pem")) +
				" cannot work"},
		{Config{Issuer: "main", Directory: directory, CABundle: empty}, "holds no PEM certificate"},
		{Config{Issuer: "main", Directory: directory, EAB: EAB{KeyID: "secret"}},
			`issuer "main": eab (issuers[].eab in the config file) cannot work: it needs both`},
		{Config{Issuer: "main", Directory: directory, EAB: EAB{HMACKey: "secret"}}, "needs both"},
		{Config{Issuer: "main", Directory: directory, EAB: EAB{KeyID: "kid", HMACKey: "secret secret"}},
			"hmacKey is not base64url"},
		{Config{Issuer: "main", Directory: directory, EAB: EAB{KeyID: "kid", HMACKey: "=="}},
			"hmacKey is not base64url"},
	}
	for _, c := range cases {
		_, err := New(c.config, nil, nil, nil)
		fault := domain.AsFault(err)
		require.Equal(t, domain.FaultOperator, fault.Kind)
		require.EqualValues(t, "InvalidSetting", fault.Reason)
		require.Contains(t, fault.Message, c.says)
		require.NotContains(t, fault.Message, "secret")
		require.Equal(t, err, c.config.Validate())
	}
	ca, err := New(Config{Issuer: "main", Directory: directory, Email: "ops@example.org"}, nil, nil, nil)
	require.NoError(t, err)
	require.Equal(t, defaultTimeout, ca.config.Timeout)

	issuers := NewIssuers(ca)
	found, err := issuers.Issuer("main")
	require.NoError(t, err)
	require.Same(t, ca, found)
	_, err = issuers.Issuer("other")
	fault := domain.AsFault(err)
	require.EqualValues(t, "UnknownIssuer", fault.Reason)
	require.Contains(t, fault.Message, "main")
}

func TestHost(t *testing.T) {
	for raw, want := range map[string]string{
		"https://CA.example/order/1": "ca.example", "https://ca.example:443/o": "ca.example",
		"https://ca.example:14000/o": "ca.example:14000", "https://other.example/o": "other.example", ":": "",
	} {
		require.Equal(t, want, host(raw), raw)
	}
}
