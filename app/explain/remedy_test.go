package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Who knows how control of a name was to be shown reads of that way alone.
func TestRemedyOfOneChallengeType(t *testing.T) {
	both := Remedy(domain.FaultName, domain.ReasonChallengeFailed, "")
	require.Contains(t, both, "With http-01")
	require.Contains(t, both, "With dns-01")
	web := Remedy(domain.FaultName, domain.ReasonChallengeFailed, domain.ChallengeHTTP01)
	require.Contains(t, web, "port 80")
	require.NotContains(t, web, "_acme-challenge")
	dns := Remedy(domain.FaultName, domain.ReasonChallengeFailed, domain.ChallengeDNS01)
	require.Contains(t, dns, "_acme-challenge")
	require.NotContains(t, dns, "port 80")
	require.Equal(t, Remedy(domain.FaultName, domain.ReasonCAAForbids, ""),
		Remedy(domain.FaultName, domain.ReasonCAAForbids, domain.ChallengeDNS01))
}

// Whatever reason a fault may have, there is a sentence that says what to do about it.
func TestEveryReasonHasARemedy(t *testing.T) {
	t.Parallel()
	reasons := reasonsOf(t)
	require.Greater(t, len(reasons), 150, "the source was really read")
	require.Len(t, remedies, len(reasons), "a remedy for a reason that there is not")
	for _, reason := range reasons {
		require.Regexp(t, `^[A-Z].*[^.]\.$`, remedies[reason], reason)
	}
	total := len(own)
	for _, s := range shared {
		total += len(s.reasons)
	}
	require.Len(t, remedies, total, "a reason has two remedies")
}

func TestAReasonMeansSomethingElseUnderAnotherKind(t *testing.T) {
	t.Parallel()
	require.Contains(t, Remedy(domain.FaultCA, domain.ReasonTLSFailed, ""), "CA bundle")
	require.Contains(t, Remedy(domain.FaultName, domain.ReasonTLSFailed, ""), "web server")
	require.Equal(t, remedies[domain.ReasonCAAForbids], Remedy(domain.FaultCA, domain.ReasonCAAForbids, ""))
}

func TestAnUnknownReasonIsAnsweredByItsKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[domain.FaultKind]string{
		domain.FaultRateLimited: "Nobody", domain.FaultWait: "Nobody", domain.FaultName: "DNS or its web server",
		domain.FaultCA:       "The CA must",
		domain.FaultOperator: "must look at it", domain.FaultSpec: "correct what was asked for",
		"Newer": "must look at it",
	} {
		require.Contains(t, Remedy(kind, "NotMadeHere", ""), want, kind)
	}
}

// reasonsOf reads the constants of package domain.
func reasonsOf(t *testing.T) (reasons []domain.Reason) {
	t.Helper()
	files, err := filepath.Glob("../../domain/reasons*.go")
	require.NoError(t, err)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok {
				literal, ok := spec.Values[0].(*ast.BasicLit)
				require.True(t, ok, spec.Names[0].Name)
				word, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				reasons = append(reasons, domain.Reason(word))
			}
			return true
		})
	}
	return reasons
}
