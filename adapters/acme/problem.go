package acme

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

const (
	// maxWords bounds each text of the CA's in a message, in bytes.
	maxWords = 500
	// maxPausedWords leaves room for the address to visit, which holds a signed token.
	maxPausedWords = 4000
	// maxSubproblems bounds how many names' problems a message lists.
	maxSubproblems = 10
)

const reasonBadNonce = "BadNonce"

// nameReasons are the problems (RFC 8555 §6.7) that the name's owner must correct. unauthorized is one only in a
// challenge: elsewhere it is about the account.
var nameReasons = map[string]domain.Reason{
	acme.ProblemTypeCAA:                   domain.ReasonCAAForbids,
	acme.ProblemTypeConnection:            domain.ReasonConnectionFailed,
	acme.ProblemTypeDNS:                   domain.ReasonDNSFailed,
	acme.ProblemTypeIncorrectResponse:     domain.ReasonChallengeIncorrect,
	acme.ProblemTypeRejectedIdentifier:    domain.ReasonNameRejected,
	acme.ProblemTypeTLS:                   domain.ReasonTLSFailed,
	acme.ProblemTypeUnauthorized:          domain.ReasonChallengeUnauthorized,
	acme.ProblemTypeUnsupportedIdentifier: domain.ReasonNameUnsupported,
}

// operatorReasons are the problems that the operator of Everleaf must correct.
var operatorReasons = map[string]domain.Reason{
	acme.ProblemTypeAccountDoesNotExist:     domain.ReasonAccountDoesNotExist,
	acme.ProblemTypeBadCSR:                  domain.ReasonBadCSR,
	acme.ProblemTypeBadPublicKey:            domain.ReasonBadPublicKey,
	acme.ProblemTypeBadSignatureAlgorithm:   domain.ReasonBadSignatureAlgorithm,
	acme.ProblemTypeExternalAccountRequired: domain.ReasonExternalAccountRequired,
	acme.ProblemTypeInvalidContact:          domain.ReasonInvalidContact,
	acme.ProblemTypeMalformed:               domain.ReasonRequestMalformed,
	acme.ProblemTypeUnauthorized:            domain.ReasonUnauthorized,
	acme.ProblemTypeUnsupportedContact:      domain.ReasonUnsupportedContact,
	acme.ProblemTypeUserActionRequired:      domain.ReasonUserActionRequired,
}

// problemInvalidProfile is what CAs answer to a profile they stopped offering (draft-ietf-acme-profiles §4).
const problemInvalidProfile = acme.ProblemTypeNamespace + "invalidProfile"

// classify says whose move is next after a problem that answers a request.
func classify(problem acme.Problem) (domain.FaultKind, domain.Reason) {
	if problem.Type == acme.ProblemTypeCompound && len(problem.Subproblems) > 0 {
		return classify(problem.Subproblems[0].Problem)
	}
	operator, isOperators := operatorReasons[problem.Type]
	name, isNames := nameReasons[problem.Type]
	switch {
	case problem.Type == acme.ProblemTypeRateLimited:
		return domain.FaultRateLimited, domain.ReasonRateLimited
	case problem.Type == problemInvalidProfile:
		return domain.FaultSpec, domain.ReasonUnknownProfile
	case problem.Status >= http.StatusInternalServerError:
		return domain.FaultCA, domain.ReasonServerError
	case isOperators:
		return domain.FaultOperator, operator
	case isNames:
		return domain.FaultName, name
	case problem.Type == acme.ProblemTypeBadNonce:
		return domain.FaultCA, reasonBadNonce
	case problem.Type == acme.ProblemTypeServerInternal:
		return domain.FaultCA, domain.ReasonServerError
	default:
		return domain.FaultCA, domain.ReasonUnexpectedAnswer
	}
}

// refusesSignature reports whether the CA could not verify a request's signature. RFC 8555 has no type for that: CAs
// say malformed, and only the text, most of it their library's, distinguishes it.
func refusesSignature(problem acme.Problem) bool {
	detail := strings.ToLower(problem.Detail)
	return problem.Type == acme.ProblemTypeMalformed &&
		(strings.Contains(detail, "cryptographic primitive") || strings.Contains(detail, "jws verification error"))
}

// paused reports whether the CA has paused names after too many failures in a row (Let's Encrypt, "Rate Limits",
// consecutive authorization failures: 1152). It comes as rateLimited and no wait ends it: somebody has to visit the
// address in the detail. Only the text distinguishes it.
func paused(problem acme.Problem) bool {
	return (problem.Type == acme.ProblemTypeRateLimited || problem.Status == http.StatusTooManyRequests) &&
		strings.Contains(strings.ToLower(problem.Detail), "temporarily prevented from requesting certificates")
}

// words are the CA's own, with each name's subproblem (§6.7.1) and the page to visit (§7.3.3), bounded and printable.
func words(problem acme.Problem) string {
	var b strings.Builder
	b.WriteString(printable(strings.TrimPrefix(problem.Type, acme.ProblemTypeNamespace), maxWords))
	if problem.Detail != "" {
		b.WriteString(": " + printable(problem.Detail, maxWords))
	}
	for i, sub := range problem.Subproblems {
		if i == maxSubproblems {
			b.WriteString("; and more")
			break
		}
		b.WriteString("; " + printable(sub.Identifier.Value, maxWords) + ": " +
			printable(strings.TrimPrefix(sub.Type, acme.ProblemTypeNamespace), maxWords) + ": " +
			printable(sub.Detail, maxWords))
	}
	if problem.Instance != "" {
		b.WriteString("; visit " + printable(problem.Instance, maxWords))
	}
	return b.String()
}

// printable cuts text to at most limit bytes and replaces what a terminal should not get.
func printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) <= limit {
		return text
	}
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "..."
}
