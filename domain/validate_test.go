package domain_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func targets(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("target-%d@host", i)
	}
	return out
}

func hosts(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("h%d.example.com", i)
	}
	return out
}

func TestSpecIsRefused(t *testing.T) {
	one := hosts(1)
	for _, c := range []struct {
		spec   domain.Spec
		reason domain.Reason
		says   string
	}{
		{domain.Spec{}, "NoNames", "names: empty; give at least one"},
		{domain.Spec{Names: []string{}}, "NoNames", "names: empty"},
		{domain.Spec{Names: []string{"a.example.com", "b.example.com", "A.example.com"}}, "DuplicateName",
			`names[2] "A.example.com": the same name as names[0] "a.example.com"`},
		{domain.Spec{Names: []string{"xn--bcher-kva.example", "bücher.example"}}, "DuplicateName",
			`names[1] "bücher.example": the same name as names[0] "xn--bcher-kva.example"`},
		{domain.Spec{Names: hosts(101)}, "TooManyNames", "101 names, but a certificate has room for 100"},
		{domain.Spec{Names: hosts(101), Profile: "classic"}, "TooManyNames", `profile "classic" has room for 100`},
		{domain.Spec{Names: hosts(101), Profile: "house"}, "TooManyNames", `profile "house" has room for 100`},
		{domain.Spec{Names: hosts(26), Profile: "tlsserver"}, "TooManyNames",
			`26 names, but the profile "tlsserver" has room for 25`},
		{domain.Spec{Names: hosts(26), Profile: "shortlived"}, "TooManyNames", "room for 25; split them"},
		{domain.Spec{Names: one, Profile: " classic"}, "ProfileName", `profile " classic": no CA has such a profile`},
		{domain.Spec{Names: one, Profile: "classic "}, "ProfileName", "without spaces around it"},
		{domain.Spec{Names: one, Profile: "a\x1fb"}, "ProfileName", `profile "a\x1fb"`},
		{domain.Spec{Names: one, Profile: "a\x7fb"}, "ProfileName", "printable ASCII"},
		{domain.Spec{Names: one, Profile: "classé"}, "ProfileName", "printable ASCII"},
		{domain.Spec{Names: one, Profile: "a\x00b"}, "ProfileName", `"a\x00b"`},
		{domain.Spec{Names: one, Profile: strings.Repeat("a", 65)}, "ProfileName", "at most 64"},
		{domain.Spec{Names: one, Tenant: " shop"}, "TenantName", `tenant " shop": use at most 128 octets`},
		{domain.Spec{Names: one, Tenant: "shop "}, "TenantName", "without spaces around them"},
		{domain.Spec{Names: one, Tenant: "sh\nop"}, "TenantName", `tenant "sh\nop"`},
		{domain.Spec{Names: one, Tenant: "sh\x00op"}, "TenantName", "printable"},
		{domain.Spec{Names: one, Tenant: "sh\xffop"}, "TenantName", "printable"},
		{domain.Spec{Names: one, Tenant: "sh\u200bop"}, "TenantName", "printable"},
		{domain.Spec{Names: one, Tenant: strings.Repeat("a", 129)}, "TenantName", "or leave it out"},
		{domain.Spec{Names: one, KeyType: "rsa-1024"}, "UnknownKeyType",
			`keyType "rsa-1024": unknown; use one of ecdsa-p256, ecdsa-p384, rsa-2048`},
		{domain.Spec{Names: one, KeyType: "ECDSA-P256"}, "UnknownKeyType", "use one of"},
		{domain.Spec{Names: one, Challenge: "tls-alpn-01"}, "UnknownChallenge", "use one of http-01, dns-01"},
		{domain.Spec{Names: []string{octets(238)}, Challenge: "dns-01"}, "NameTooLongForDNS01",
			`"_acme-challenge." before it, which makes it 254 octets long`},
		{domain.Spec{Names: []string{"*." + octets(238)}, Challenge: "dns-01"}, "NameTooLongForDNS01",
			"choose http-01, or use a name of at most 237 octets"},
		{domain.Spec{Names: one, Issuers: []string{"a", ""}}, "IssuerName",
			`issuers[1] "": give a configured issuer's name`},
		{domain.Spec{Names: one, Issuers: []string{" "}}, "IssuerName", `issuers[0] " "`},
		{domain.Spec{Names: one, Issuers: []string{"a "}}, "IssuerName", `issuers[0] "a "`},
		{domain.Spec{Names: one, Issuers: []string{"a\x00"}}, "IssuerName", `issuers[0] "a\x00"`},
		{domain.Spec{Names: one, Issuers: []string{"a\n"}}, "IssuerName", `issuers[0] "a\n"`},
		{domain.Spec{Names: one, Issuers: []string{"A"}}, "IssuerName", "of 1 to 63 of a-z, 0-9"},
		{domain.Spec{Names: one, Issuers: []string{"-a"}}, "IssuerName", `"-a"`},
		{domain.Spec{Names: one, Issuers: []string{strings.Repeat("a", 64)}}, "IssuerName", "or leave issuers out"},
		{domain.Spec{Names: one, Issuers: []string{"a", "b", "c", "d", "e", "f"}}, "TooManyIssuers",
			`6 of them, but there may be 5`},
		{domain.Spec{Names: one, KeyRotation: "Sometimes"}, "UnknownKeyRotation",
			`keyRotation "Sometimes": unknown; use Always or Never`},
		{domain.Spec{Names: one, Deliveries: []string{"edge", "Edge!"}}, "DeliveryName", `deliveries[1] "Edge!"`},
		{domain.Spec{Names: one, Deliveries: []string{strings.Repeat("a", 64)}}, "DeliveryName", "deliveries[0]"},
		{domain.Spec{Names: one, Deliveries: []string{"a@" + strings.Repeat("a", 64)}}, "DeliveryName",
			"deliveries[0]"},
		{domain.Spec{Names: one, Deliveries: []string{"a@"}}, "DeliveryName", `deliveries[0] "a@"`},
		{domain.Spec{Names: one, Deliveries: targets(21)}, "TooManyDeliveries", "21 of them, but there may be 20"},
		{domain.Spec{Names: one, Deliveries: []string{"edge@h1", "edge@h1"}}, "DuplicateDelivery",
			`deliveries[1] "edge@h1": the same as deliveries[0]`},
		{domain.Spec{Names: one, Issuers: []string{"a", "b", "a"}}, "DuplicateIssuer",
			`issuers[2] "a": the same as issuers[0]`},
	} {
		_, err := c.spec.Validated()
		requireSpecFault(t, err, c.reason, c.says, fmt.Sprint(c.spec.Profile, c.says))
	}
}

func TestSpecIsAccepted(t *testing.T) {
	for _, c := range []domain.Spec{
		{Names: hosts(1)},
		{Names: []string{octets(237), "*." + octets(237)}, Challenge: "dns-01"},
		{Names: []string{octets(253)}},
		{Names: hosts(100)},
		{Names: hosts(100), Profile: "classic"},
		{Names: hosts(25), Profile: "tlsserver"},
		{Names: hosts(25), Profile: "shortlived"},
		{Names: hosts(1), KeyType: domain.KeyRSA4096, Issuers: []string{"a"}, Challenge: domain.ChallengeHTTP01},
		{Names: hosts(1), KeyType: domain.KeyECDSAP384, Issuers: []string{"a", "b", "c", "d", strings.Repeat("e", 63)},
			KeyRotation: domain.RotateNever},
		{Names: hosts(1), Profile: "a profile", Deliveries: targets(20)},
		{Names: hosts(1), Profile: strings.Repeat("~", 64), Tenant: strings.Repeat("a", 128)},
		{Names: hosts(1), Profile: "! ~", Tenant: "Bücher & Söhne"},
		{Names: hosts(1), Deliveries: []string{strings.Repeat("a", 63) + "@" + strings.Repeat("b", 63),
			"a@h.example.com"}},
	} {
		got, err := c.Validated()
		require.NoError(t, err)
		require.True(t, c.Same(got), "%v became %v", c, got)
	}
}

func TestValidatedFillsDefaultsAndSharesNothing(t *testing.T) {
	in := domain.Spec{Names: []string{"B.example.com", "a.example.com"}, Issuers: []string{"one"}}
	got, err := in.Validated()
	require.NoError(t, err)
	require.Equal(t, domain.Spec{Names: []string{"b.example.com", "a.example.com"}, KeyType: domain.KeyECDSAP256,
		Issuers: []string{"one"}, Challenge: domain.ChallengeHTTP01, KeyRotation: domain.RotateAlways}, got)
	got.Names[0], got.Issuers[0] = "changed", "changed"
	require.Equal(t, domain.Spec{Names: []string{"B.example.com", "a.example.com"}, Issuers: []string{"one"}}, in)
}

func TestValidateCertificateName(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason domain.Reason
		says   string
	}{
		{"a", "", ""},
		{"0", "", ""},
		{"az09.za90-a", "", ""},
		{"a`b", "CertificateNameCharacter", "not allowed"}, // next to the letters and digits
		{"a{b", "CertificateNameCharacter", `"{"`},
		{"a:b", "CertificateNameCharacter", `":"`},
		{"www.example.com", "", ""},
		{"xn--bcher-kva.example", "", ""},
		{"shop-7", "", ""},
		{strings.Repeat("a", 253), "", ""},
		{"", "CertificateNameEmpty", `name "": empty`},
		{strings.Repeat("a", 254), "CertificateNameTooLong", "254 characters; use at most 253"},
		{"Shop", "CertificateNameCharacter", `name "Shop": upper case; use "shop"`},
		{"*.example.com", "CertificateNameCharacter", `call the certificate "wildcard.example.com"`},
		{"*.Example.com", "CertificateNameCharacter", `call the certificate "wildcard.example.com"`},
		{"Shop_1", "CertificateNameCharacter", `the character "S" is not allowed; use a-z, 0-9`},
		{"*.a_b", "CertificateNameCharacter", `the character "*" is not allowed; use a-z, 0-9`},
		{"a_b", "CertificateNameCharacter", `the character "_"`},
		{"bücher", "CertificateNameCharacter", `the character "ü"`},
		{"a/b", "CertificateNameCharacter", `the character "/"`},
		{`a\b`, "CertificateNameCharacter", "not allowed"},
		{"a b", "CertificateNameCharacter", `the character " "`},
		{"a\x00", "CertificateNameCharacter", `"\x00"`},
		{"a\n", "CertificateNameCharacter", `"\n"`},
		{"..", "CertificateNameDots", "remove it"},
		{"a..b", "CertificateNameDots", "two in a row"},
		{".a", "CertificateNameDots", "at an edge"},
		{"a.", "CertificateNameDots", "at an edge"},
		{"-rf", "CertificateNameHyphenEdge", `"-rf"`},
		{"a-", "CertificateNameHyphenEdge", `"a-"`},
		{"a.-b", "CertificateNameHyphenEdge", `"-b"`},
	} {
		err := domain.ValidateCertificateName(c.name)
		if c.reason == "" {
			require.NoError(t, err, c.name)
			continue
		}
		requireSpecFault(t, err, c.reason, c.says, c.name)
		require.True(t, strings.HasPrefix(err.Error(), "name "), err)
	}
}

// FuzzValidated: whatever comes in, either one readable fault comes out, or a spec that stays as it is when it is
// validated again and whose names a CA can be sent.
func FuzzValidated(f *testing.F) {
	for _, seed := range []string{"www.example.com", "BÜCHER.example", "*.a_b.com", "例え。テスト", "xn--bcher-kva.de",
		"xn--a", "א1.1a.de",
		"https://u@h:1/p", "[::1]:443", "①②⑦.0.0.1", "a\xff.de", "ß.ss.de\nfaß.de", "a..b", "ex\u00adample.com",
		"\u200c.de", "。", "*。com", "co.uk"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := domain.Spec{Names: strings.Split(text, "\n")}.Validated()
		if err != nil {
			requireSpecFault(t, err, domain.AsFault(err).Reason, "names", text)
			require.NotEmpty(t, domain.AsFault(err).Reason)
			return
		}
		again, err := spec.Validated()
		require.NoError(t, err)
		require.Equal(t, spec, again)
		for _, name := range spec.Names {
			require.LessOrEqual(t, len(name), 253)
			require.Regexp(t, `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`, name)
		}
	})
}
