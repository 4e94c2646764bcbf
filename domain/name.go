package domain

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

const (
	// maxLabel and maxName are octets on the wire's text form (RFC 1035 §2.3.4, RFC 1123 §2.1).
	maxLabel = 63
	maxName  = 253
)

// lookup maps a name as a browser would (UTS 46, RFC 5891 §5): width, case and dots are folded, labels become
// A-labels. Rules for ASCII labels are left to checkLabel, which knows what is wrong and how to correct it.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false))

// nameProblem is why a name cannot be in a certificate, before its field is known.
type nameProblem struct {
	reason Reason
	// text is the problem and the fix, in one line.
	text string
}

func problem(reason Reason, text string) *nameProblem { return &nameProblem{reason, text} }

// dnsName returns name as lower-case A-labels, with "*." in front if it is a wildcard.
func dnsName(name string) (string, *nameProblem) {
	if p := checkPasted(name); p != nil {
		return "", p
	}
	rest, wildcard := strings.CutPrefix(name, "*.")
	if strings.Contains(rest, "*") {
		return "", problem(ReasonWildcardPlacement, `"*" may only be the whole first label, as in "*.example.com"`)
	}
	ascii, p := toASCII(rest)
	if p != nil {
		return "", p
	}
	if p := checkHost(ascii); p != nil {
		return "", p
	}
	if wildcard {
		ascii = "*." + ascii
	}
	if len(ascii) > maxName {
		return "", problem(ReasonNameTooLong, "longer than 253 octets; no DNS name is, use a shorter one")
	}
	return ascii, nil
}

// checkPasted finds what people paste in place of a name: spaces, a URL, host:port, an IP address.
func checkPasted(name string) *nameProblem {
	switch trimmed := strings.TrimSpace(name); {
	case trimmed == "":
		return problem(ReasonNameEmpty, "empty; give a DNS name such as \"www.example.com\", or remove the entry")
	case trimmed != name:
		return problem(ReasonNameSpaces, "spaces around the name; remove them"+hint(trimmed))
	case strings.ContainsFunc(name, unicode.IsSpace):
		return problem(ReasonNameSpaces, "a space inside the name; list each name as an entry of its own")
	}
	if isIP(name) {
		return problem(ReasonNameIsIP, "an IP address; only DNS names can be validated, use the host's DNS name")
	}
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		proposal := ""
		if u, err := url.Parse(scheme + "://" + host); err == nil {
			proposal = hint(u.Hostname())
		}
		return problem(ReasonNameIsURL, "a URL, not a DNS name; use its host's DNS name only"+proposal)
	}
	if host, _, ok := strings.Cut(name, "/"); ok {
		return problem(ReasonNameIsURL, `a path or a network, not a DNS name; use what is before the "/"`+hint(host))
	}
	if host, _, ok := strings.Cut(name, ":"); ok {
		return problem(ReasonNameHasPort, "a port does not belong to a certificate's name; leave it out"+hint(host))
	}
	return nil
}

// hint proposes a name, if it is a valid one.
func hint(value string) string {
	if _, p := dnsName(value); p != nil {
		return ""
	}
	return ": " + quote(value)
}

// isIP reports whether it is an IPv4 or IPv6 literal, also in brackets, with a zone, a port or a prefix length.
func isIP(name string) bool {
	if _, err := netip.ParsePrefix(name); err == nil {
		return true
	}
	if _, err := netip.ParseAddrPort(name); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
	return err == nil
}

// toASCII turns Unicode and upper case into lower-case A-labels and names the label that cannot be.
func toASCII(name string) (string, *nameProblem) {
	// Bytes that are no UTF-8 reach us as U+FFFD: through JSON, or by ranging over the string.
	if strings.ContainsRune(strings.ToValidUTF8(name, "\uFFFD"), '\uFFFD') {
		return "", problem(ReasonNameNotUTF8, "bytes that are not UTF-8; give the name in UTF-8 or as A-labels")
	}
	for label := range strings.SplitSeq(name, ".") {
		ascii, err := lookup.ToASCII(label)
		if err == nil && (ascii != "" || label == "") {
			continue
		}
		if strings.HasPrefix(strings.ToLower(label), "xn--") {
			return "", problem(ReasonNamePunycode, "the label "+quote(label)+
				` starts with "xn--" but is no valid A-label (RFC 5891); give the name in Unicode`)
		}
		return "", notIDNA("the label " + quote(label) + " is")
	}
	ascii, err := lookup.ToASCII(name)
	if err != nil { // the labels do not go together: the Bidi rule looks at the whole name
		return "", notIDNA("it is")
	}
	return ascii, nil
}

func notIDNA(subject string) *nameProblem {
	return problem(ReasonNameNotIDNA,
		subject+" not valid in an internationalised name (RFC 5891, RFC 5893); use the name as it is registered")
}

// checkHost checks a name without its wildcard label, in lower-case ASCII.
func checkHost(host string) *nameProblem {
	labels := strings.Split(host, ".")
	if last := len(labels) - 1; last > 0 && labels[last] == "" && labels[last-1] != "" {
		return problem(ReasonNameTrailingDot, "a dot at the end; remove it")
	}
	for _, label := range labels {
		if p := checkLabel(label); p != nil {
			return p
		}
	}
	if isIP(host) { // digits of another script fold to ASCII ones
		return problem(ReasonNameIsIP, "an IP address; only DNS names can be validated, use the host's DNS name")
	}
	// Only the ICANN section counts. A suffix of the private section (github.io) is itself registered under a
	// public one, so its owner may have a certificate for it, and for a wildcard right under it (Baseline
	// Requirements §3.2.2.6 has CAs consult the ICANN section only). Unknown top-level domains pass: an
	// internal CA may serve names under .internal or .test.
	if suffix, icann := publicsuffix.PublicSuffix(host); icann && suffix == host {
		return problem(ReasonNamePublicSuffix,
			quote(host)+" is a public suffix, under which others register names; use a name of yours under it")
	}
	switch tld := labels[len(labels)-1]; {
	case strings.Trim(tld, "0123456789") == "":
		return problem(ReasonNameNumericTLD, "the last label "+quote(tld)+
			" is a number, which no top-level domain is (RFC 3696 §2); use a full DNS name")
	case len(labels) == 1:
		return problem(ReasonNameSingleLabel,
			"a single label; no public CA certifies one, use a full DNS name such as "+
				quote(host+".example.com"))
	}
	return nil
}

// checkLabel checks one label in lower-case ASCII (RFC 5890 §2.3.1: LDH labels).
func checkLabel(label string) *nameProblem {
	switch {
	case label == "":
		return problem(ReasonNameEmptyLabel, "an empty label: two dots in a row or a dot in front; remove the dot")
	case strings.Contains(label, "_"):
		return problem(ReasonNameUnderscore, `an underscore, which no CA may certify; use "-" instead or another name`)
	case len(label) > maxLabel:
		return problem(ReasonNameLabelTooLong,
			"the label "+quote(label)+" is longer than 63 octets as an A-label; use a shorter one")
	case label[0] == '-' || label[len(label)-1] == '-':
		return problem(ReasonNameHyphenEdge, "the label "+quote(label)+` starts or ends with "-"; remove it there`)
	case len(label) > 3 && label[2:4] == "--" && !strings.HasPrefix(label, "xn--"):
		return problem(ReasonNameReservedLabel, "the label "+quote(label)+
			` has "--" in third place, which is reserved (RFC 5890 §2.3.1); use another name`)
	}
	for _, c := range label {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return problem(ReasonNameCharacter,
				"the character "+quote(string(c))+" is not allowed; use letters, digits, \"-\" and \".\"")
		}
	}
	return nil
}

// asFault gives a problem its field and value.
func (p *nameProblem) asFault(field, value string) *Fault {
	return NewFault(FaultSpec, p.reason, nil, "%s %s: %s", field, quote(value), p.text)
}
