package domain

import (
	"fmt"
	"strings"
)

// ValidateCertificateName checks the name that a certificate goes by: it becomes part of a workflow ID and of file
// names. It follows Kubernetes' DNS subdomain rule, so that a certificate may be called by its domain and a path
// separator, ".." or a leading "-" never gets through: 1 to 253 of a-z, 0-9, "-" and ".", each label beginning and
// ending with a letter or digit. It is never changed silently, since two spellings would be two workflows. An error
// is a *Fault of kind Spec for the field name.
func ValidateCertificateName(name string) error {
	fail := func(reason Reason, text string) error { return problem(reason, text).asFault("name", name) }
	if name == "" {
		return fail(ReasonCertificateNameEmpty, "empty; give the certificate a name, for example its domain")
	}
	if len(name) > maxName {
		return fail(ReasonCertificateNameTooLong, fmt.Sprintf("%d characters; use at most %d", len(name), maxName))
	}
	// A proposal is a name that passes.
	lower := strings.ToLower(name)
	rest, wildcard := strings.CutPrefix(lower, "*.")
	switch spelled := "wildcard." + rest; {
	case wildcard && ValidateCertificateName(spelled) == nil:
		return fail(ReasonCertificateNameCharacter,
			`"*" does not belong in a file name; call the certificate `+quote(spelled))
	case lower != name && ValidateCertificateName(lower) == nil:
		return fail(ReasonCertificateNameCharacter, "upper case; use "+quote(lower))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return fail(ReasonCertificateNameDots, "a dot at an edge or two in a row; remove it")
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return fail(ReasonCertificateNameHyphenEdge,
				"the part "+quote(label)+` starts or ends with "-"; remove it there`)
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return fail(ReasonCertificateNameCharacter,
					"the character "+quote(string(c))+" is not allowed; use a-z, 0-9, \"-\" and \".\"")
			}
		}
	}
	return nil
}
