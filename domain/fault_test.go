package domain_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestFault(t *testing.T) {
	t.Parallel()
	cause := errors.New("refused")
	fault := domain.NewFault(domain.FaultCA, domain.ReasonUnreachable, cause, "reach %s", "the CA")
	require.Equal(t, "reach the CA: refused", fault.Error())
	require.ErrorIs(t, fault, cause)
	require.Same(t, fault, domain.AsFault(fmt.Errorf("place order: %w", fault)))
	require.Same(t, fault, fault.WithRetryAfter(time.Second).Permanent())
	require.Equal(t, time.Second, fault.RetryAfter)
	require.True(t, fault.Final)
	require.Equal(t, "no more", domain.NewFault(domain.FaultCA, domain.ReasonUnreachable, nil, "no more").Error())

	unknown := domain.AsFault(cause)
	require.Equal(t, domain.FaultOperator, unknown.Kind)
	require.Equal(t, domain.ReasonUnexpected, unknown.Reason)
	require.Equal(t, "unexpected error: refused", unknown.Error())
}

// Each reason is one constant, called as its word is, with a line that says what it means.
func TestReasons(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("reasons*.go")
	require.NoError(t, err)
	seen := map[string]string{}
	said := regexp.MustCompile(`\bReason\w+`)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			var named []string
			for _, spec := range group.Specs {
				spec := spec.(*ast.ValueSpec)
				name := spec.Names[0].Name
				require.Equal(t, "Reason", spec.Type.(*ast.Ident).Name, name)
				word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				require.Equal(t, "Reason"+word, name)
				require.Empty(t, seen[name], "%s is in two files", name)
				seen[name] = path
				if spec.Doc != nil {
					named = said.FindAllString(spec.Doc.Text(), -1)
					require.True(t, strings.HasPrefix(spec.Doc.Text(), name),
						"the comment of %s is about something else", name)
				}
				require.Contains(t, named, name, "nothing says what it means")
			}
		}
	}
	require.Greater(t, len(seen), 150)
}
