package domain_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// huge is as long as a string can be that reaches us: Temporal takes 2 MB.
const huge = 1_900_000

// monsters are texts that cost most where something is done for each of their characters.
func monsters() map[string]string {
	distinct := make([]rune, 0, huge/3)
	for r := rune(0x4e00); len(distinct) < huge/3; r++ {
		if r > 0x9fff {
			r = 0x4e00
		}
		distinct = append(distinct, r)
	}
	return map[string]string{
		"one letter":         strings.Repeat("a", huge),
		"dots":               strings.Repeat(".", huge),
		"labels":             strings.Repeat("a.", huge/2),
		"hyphens":            strings.Repeat("-", huge),
		"ideographs":         string(distinct),
		"NUL":                strings.Repeat("\x00", huge),
		"escape sequences":   strings.Repeat("\x1b[31m", huge/5),
		"not UTF-8":          strings.Repeat("\xff", huge),
		"spaces":             strings.Repeat(" ", huge),
		"colons":             strings.Repeat(":", huge),
		"a URL":              "https://" + strings.Repeat("a", huge),
		"combining accents":  "e" + strings.Repeat("\u0301", huge/2),
		"soft hyphens":       strings.Repeat("\u00ad", huge/2),
		"targets":            strings.Repeat("a@", huge/2),
		"xn--":               strings.Repeat("xn--a", huge/5),
		"right and left":     strings.Repeat("אa", huge/3),
		"quotes, backslash":  strings.Repeat(`"\`, huge/2),
		"wildcards":          strings.Repeat("*.", huge/2),
		"slashes":            strings.Repeat("/", huge),
		"brackets and a net": strings.Repeat("[1::]/", huge/6),
	}
}

// Whatever is in whichever field, the answer comes at once, is one short line, and names the field.
func TestHugeValuesAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	one := hosts(1)
	spec := func(change func(s *domain.Spec, text string)) func(string) error {
		return func(text string) error {
			s := domain.Spec{Names: one}
			change(&s, text)
			_, err := s.Validated()
			return err
		}
	}
	for field, refuse := range map[string]func(text string) error{
		"names[1]":      spec(func(s *domain.Spec, text string) { s.Names = []string{"a.example.com", text} }),
		"keyType":       spec(func(s *domain.Spec, text string) { s.KeyType = domain.KeyType(text) }),
		"profile":       spec(func(s *domain.Spec, text string) { s.Profile = text }),
		"issuers[1]":    spec(func(s *domain.Spec, text string) { s.Issuers = []string{"a", text} }),
		"challenge":     spec(func(s *domain.Spec, text string) { s.Challenge = domain.ChallengeType(text) }),
		"keyRotation":   spec(func(s *domain.Spec, text string) { s.KeyRotation = domain.KeyRotation(text) }),
		"tenant":        spec(func(s *domain.Spec, text string) { s.Tenant = text }),
		"fleet":         spec(func(s *domain.Spec, text string) { s.Fleet = text }),
		"deliveries[1]": spec(func(s *domain.Spec, text string) { s.Deliveries = []string{"a", text} }),
		"name":          domain.ValidateCertificateName,
		"note":          domain.ValidateNote,
		"revocation reason": func(text string) error {
			_, err := domain.RevocationReason(text).Code()
			return err
		},
		"signedBy": func(text string) error { return domain.RevocationSigner(text).Check() },
	} {
		for about, text := range monsters() {
			var err error
			took := bestOf(func() { err = refuse(text) })
			requireSpecFault(t, err, domain.AsFault(err).Reason, field, about)
			require.True(t, strings.HasPrefix(err.Error(), field+" "), "%s: %s", about, err)
			require.Less(t, len(err.Error()), 2000, "%s of %s", field, about)
			require.Less(t, took, 2*time.Second, "%s of %s", field, about) // a loop in a loop would take minutes
			requireShown(t, err.Error(), "%s of %s", field, about)
		}
	}
}

// Lists are counted before anything is done with what they hold.
func TestLongListsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	long := make([]string, 200_000)
	for i := range long {
		long[i] = fmt.Sprintf("target-%d", i)
	}
	one := hosts(1)
	for reason, spec := range map[domain.Reason]domain.Spec{
		domain.ReasonTooManyNames:      {Names: long},
		domain.ReasonTooManyIssuers:    {Names: one, Issuers: long},
		domain.ReasonTooManyDeliveries: {Names: one, Deliveries: long},
	} {
		took := bestOf(func() {
			_, err := spec.Validated()
			requireSpecFault(t, err, reason, "200000", string(reason))
		})
		require.Less(t, took, 2*time.Second, reason)
	}
}

// Changes compares a spec that nobody has validated yet.
func TestChangesOfLongLists(t *testing.T) {
	t.Parallel()
	const n = 100_000
	was, is := make([]string, n), make([]string, n)
	for i := range n {
		was[i], is[i] = fmt.Sprintf("was-%d", i), fmt.Sprintf("now-%d", i)
	}
	start := time.Now()
	changes := domain.Spec{Names: was, Issuers: was,
		Deliveries: was}.Changes(domain.Spec{Names: is, Issuers: is, Deliveries: is})
	require.Less(t, time.Since(start), 30*time.Second) // a loop in a loop takes minutes, this a part of a second
	require.Len(t, changes, 5)
	require.Contains(t, changes[0], " more")
}

// The largest spec there may be, and one octet more.
func TestSpecIsBoundAsAWhole(t *testing.T) {
	t.Parallel()
	spec := func(octets int) domain.Spec {
		spec := domain.Spec{KeyType: domain.KeyECDSAP256, Issuers: []string{"default"},
			Challenge:   domain.ChallengeHTTP01,
			KeyRotation: domain.RotateAlways, Profile: "p", Tenant: "t", Deliveries: []string{"disk"}}
		octets -= len("ecdsa-p256") + len("default") + len("http-01") + len("Always") + len("p") + len("t") +
			len("disk")
		for n := 0; octets > 0; n++ {
			name := fmt.Sprintf("h%d.example.com", n)
			soft := min(700, octets-len(name)) / 2 * 2 // soft hyphens are no part of the name
			if octets-len(name)-soft < 100 {
				soft = (octets - len(name)) / 2 * 2
				name += strings.Repeat("m", (octets-len(name))%2)
			}
			spec.Names = append(spec.Names, strings.Repeat("\u00ad", soft/2)+name)
			octets -= len(name) + soft
		}
		return spec
	}
	got, err := spec(64 << 10).Validated()
	require.NoError(t, err)
	require.Less(t, len(strings.Join(got.Names, "")), 3000)
	_, err = spec(64<<10 + 1).Validated()
	requireSpecFault(t, err, domain.ReasonSpecTooLarge,
		"names: with them the spec has 65537 octets, but it may have 65536", "")

	name := func(octets int) domain.Spec {
		return domain.Spec{Names: []string{strings.Repeat("\u00ad", (octets-len("a.example.com"))/2) +
			"a.example.com" + strings.Repeat("m", (octets-len("a.example.com"))%2)}}
	}
	_, err = name(1024).Validated()
	require.NoError(t, err)
	_, err = name(1025).Validated()
	requireSpecFault(t, err, domain.ReasonNameTooLong, "1025 octets; no DNS name is longer than 253", "")
}

func TestValidateNote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		note   string
		reason domain.Reason
		says   string
	}{
		{"", "", ""},
		{"leaked key, ticket 4711: \u201creplace\u201d at once…", "", ""},
		{"für Bücher\u00a0& Söhne", "", ""},
		{strings.Repeat("a", 1000), "", ""},
		{strings.Repeat("a", 1001), domain.ReasonNoteTooLong, "1001 octets; use at most 1000"},
		{strings.Repeat("ü", 501), domain.ReasonNoteTooLong, "1002 octets"},
		{"two\nlines", domain.ReasonNoteCharacter, `note "two\nlines": something that cannot be shown on one line`},
		{"a\ttab", domain.ReasonNoteCharacter, "printable"},
		{"a\x00", domain.ReasonNoteCharacter, `"a\x00"`},
		{"\x1b[31mred", domain.ReasonNoteCharacter, `\x1b[31mred`},
		{"a\u2028b", domain.ReasonNoteCharacter, `\u2028`},
		{"a\u202eb", domain.ReasonNoteCharacter, `\u202e`}, // right to left
		{"a\xffb", domain.ReasonNoteCharacter, `\xff`},
	} {
		err := domain.ValidateNote(c.note)
		if c.reason == "" {
			require.NoError(t, err, c.note)
			continue
		}
		requireSpecFault(t, err, c.reason, c.says, c.note)
	}
}

// bestOf is the shortest of a few runs: what a busy machine adds does not count.
func bestOf(run func()) time.Duration {
	best := time.Hour
	for range 5 {
		start := time.Now()
		run()
		if best = min(best, time.Since(start)); best < time.Millisecond {
			break
		}
	}
	return best
}

// requireShown refuses what a terminal or a log line must not get.
func requireShown(t *testing.T, text string, about ...any) {
	t.Helper()
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			require.Fail(t, fmt.Sprintf("%q must not be shown", r), about...)
		}
	}
}
