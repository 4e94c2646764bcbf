package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// octets makes a name of n octets out of labels of at most 63.
func octets(n int) string {
	const tail = ".example.com"
	var labels []string
	for rest := n - len(tail); rest > 0; rest -= 64 {
		labels = append(labels, strings.Repeat("a", min(rest, 63)))
	}
	return strings.Join(labels, ".") + tail
}

func TestNameIsNormalised(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"example.com", "example.com"},
		{"WWW.Example.COM", "www.example.com"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
		{"faß.de", "xn--fa-hia.de"}, // nontransitional: ß is kept apart from ss
		{"例え。テスト", "xn--r8jz45g.xn--zckzah"},
		{"ｗｗｗ．example．com", "www.example.com"},
		{"ex\u00adample.com", "example.com"},
		{"1and1.com", "1and1.com"},
		{"az09.za90.example", "az09.za90.example"},
		{"0.example.com", "0.example.com"},
		{"1.2.3.4.example.com", "1.2.3.4.example.com"},
		{"a-b--c.example.com", "a-b--c.example.com"},
		{"x--y.example.com", "x--y.example.com"},
		{"a.internal", "a.internal"}, // a CA of one's own may serve it
		{"a.test", "a.test"},
		{"github.io", "github.io"}, // private section of the public suffix list
		{"foo.co.uk", "foo.co.uk"},
		{strings.Repeat("a", 63) + ".com", strings.Repeat("a", 63) + ".com"},
		{octets(253), octets(253)},
	} {
		got, err := domain.Spec{Names: []string{c.name}}.Validated()
		require.NoError(t, err, c.name)
		require.Equal(t, []string{c.want}, got.Names, c.name)
	}
}

func TestNameIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason domain.Reason
		says   string
	}{
		{"", "NameEmpty", `names[1] "": empty`},
		{"  \t", "NameEmpty", "empty"},
		{" www.example.com", "NameSpaces", `remove them: "www.example.com"`},
		{"www.example.com\n", "NameSpaces", `names[1] "www.example.com\n": spaces around`},
		{"a.example.com b.example.com", "NameSpaces", "entry of its own"},
		{"my_host.example.com", "NameUnderscore", `names[1] "my_host.example.com": an underscore`},
		{"_acme-challenge.example.com", "NameUnderscore", "underscore"},
		{"a..example.com", "NameEmptyLabel", "two dots in a row"},
		{".example.com", "NameEmptyLabel", "dot in front"},
		{"example.com..", "NameEmptyLabel", "remove the dot"},
		{".", "NameEmptyLabel", "remove the dot"},
		{"a。。com", "NameEmptyLabel", "two dots"},
		{"example.com.", "NameTrailingDot", "a dot at the end; remove it"},
		{"example.com。", "NameTrailingDot", "a dot at the end"},
		{strings.Repeat("a", 64) + ".com", "NameLabelTooLong", "longer than 63"},
		{strings.Repeat("ü", 60) + ".com", "NameLabelTooLong", "as an A-label"}, // fits in Unicode only
		{octets(254), "NameTooLong", "253 octets"},
		{"192.0.2.1", "NameIsIP", `names[1] "192.0.2.1": an IP address`},
		{"192.0.2.1:443", "NameIsIP", "DNS name"},
		{"2001:db8::1", "NameIsIP", "IP address"},
		{"[2001:db8::1]", "NameIsIP", "IP address"},
		{"[2001:db8::1]:443", "NameIsIP", "IP address"},
		{"fe80::1%eth0", "NameIsIP", "IP address"},
		{"10.0.0.0/8", "NameIsIP", "IP address"},
		{"①②⑦.0.0.1", "NameIsIP", "IP address"},
		{"127.1", "NameNumericTLD", `"1" is a number`},
		{"host.123", "NameNumericTLD", `"123"`},
		{"com", "NamePublicSuffix", `"com" is a public suffix`},
		{"co.uk", "NamePublicSuffix", "under it"},
		{"CO.UK", "NamePublicSuffix", `"co.uk"`},
		{"www.ck", "", ""}, // the list's exception to *.ck
		{"foo.ck", "NamePublicSuffix", "under it"},
		{"*.co.uk", "NamePublicSuffix", "under it"},
		{"公司.cn", "NamePublicSuffix", "xn--55qx5d.cn"},
		{"localhost", "NameSingleLabel", `"localhost.example.com"`},
		{"a*.example.com", "WildcardPlacement", "whole first label"},
		{"www.*.example.com", "WildcardPlacement", "whole first label"},
		{"*.*.example.com", "WildcardPlacement", "whole first label"},
		{"*", "WildcardPlacement", "whole first label"},
		{"*.", "NameEmptyLabel", ""},
		{"*.example.com", "WildcardNeedsDNS01", `names[1] "*.example.com": a wildcard can only be validated by dns-01`},
		{"*.github.io", "WildcardNeedsDNS01", "choose dns-01, or list each host"},
		{"https://www.example.com/login", "NameIsURL", `use its host's DNS name only: "www.example.com"`},
		{"https://%zz/", "NameIsURL", "use its host's DNS name only"},
		{"https:///path", "NameIsURL", "use its host's DNS name only"},
		{"https://[2001:db8::1]/", "NameIsURL", "host's DNS name"},
		{"ftp://", "NameIsURL", "URL"},
		{"www.example.com/login", "NameIsURL", `before the "/": "www.example.com"`},
		{"/etc/hosts", "NameIsURL", "a path"},
		{"www.example.com:8443", "NameHasPort", `leave it out: "www.example.com"`},
		{":443", "NameHasPort", "leave it out"},
		{"mailto@example.com", "NameCharacter", `"@"`},
		{"a`b.example.com", "NameCharacter", "not allowed"},
		{"a{b.example.com", "NameCharacter", `"{"`},
		{"a;b.example.com", "NameCharacter", `";"`},
		{"a\x00b.example.com", "NameCharacter", `"\x00"`},
		{"-a.example.com", "NameHyphenEdge", `"-a"`},
		{"a-.example.com", "NameHyphenEdge", `"a-"`},
		{"a.example.-com", "NameHyphenEdge", `"-com"`},
		{"r3---sn.example.com", "NameReservedLabel", "third place"},
		{"xn--zzzzzz-.example", "NamePunycode", `"xn--zzzzzz-"`},
		{"xn--abc-.example", "NamePunycode", "no valid A-label"}, // decodes to plain ASCII
		{"XN--.example", "NamePunycode", `"XN--"`},
		{"\u200d.example", "NameNotIDNA", "RFC 5891"},
		{"\u00ad.example", "NameNotIDNA", "RFC 5891"},   // nothing is left of it
		{"א1.1a.example", "NameNotIDNA", "RFC 5893"},    // the Bidi rule
		{"a\xff.example.com", "NameNotUTF8", "UTF-8"},   // raw bytes
		{"a\ufffd.example.com", "NameNotUTF8", "UTF-8"}, // what JSON makes of them
	} {
		_, err := domain.Spec{Names: []string{"first.example.com", c.name}}.Validated()
		if c.reason == "" {
			require.NoError(t, err, c.name)
			continue
		}
		requireSpecFault(t, err, c.reason, c.says, c.name)
		require.Contains(t, err.Error(), "names[1] ", c.name)
	}
}

// What is proposed in place of a name is a valid one, or nothing.
func TestNoInvalidNameIsProposed(t *testing.T) {
	for name, ends := range map[string]string{
		" my_host.example.com":      "remove them",
		"my_host.example.com:443":   "leave it out",
		"my_host.example.com/login": `use what is before the "/"`,
		"https://my_host/login":     "use its host's DNS name only",
		"shop:8443":                 "leave it out",
	} {
		_, err := domain.Spec{Names: []string{name}}.Validated()
		require.ErrorContains(t, err, ends)
		require.True(t, strings.HasSuffix(err.Error(), ends), err)
	}
}

func TestLongValueIsCut(t *testing.T) {
	_, err := domain.Spec{Names: []string{strings.Repeat("ü ", 340)}}.Validated()
	requireSpecFault(t, err, domain.ReasonNameSpaces, "…", "")
	require.Less(t, len(err.Error()), 1500)
}

func requireSpecFault(t *testing.T, err error, reason domain.Reason, says, about string) {
	t.Helper()
	var fault *domain.Fault
	require.ErrorAs(t, err, &fault, about)
	require.Equal(t, domain.FaultSpec, fault.Kind, about)
	require.Equal(t, reason, fault.Reason, "%s: %v", about, err)
	require.Contains(t, fault.Message, says, about)
	require.NotContains(t, fault.Message, "\n", about)
}
