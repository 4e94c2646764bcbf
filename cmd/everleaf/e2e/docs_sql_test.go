package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres/postgrestest"
	"everleaf/cmd/everleaf/docstest"
)

// prepared are the statements that Postgres can prepare, which checks tables and columns and runs nothing.
var prepared = regexp.MustCompile(`(?i)^(SELECT|WITH|INSERT|UPDATE|DELETE)\s`)

// The SQL that the documentation shows fits the schema. (The other things that pages name are tested in cmd/everleaf.)
func TestSQLOfTheDocumentationFitsTheSchema(t *testing.T) {
	t.Parallel()
	pool, _ := postgrestest.New(t)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	tried := 0
	for _, page := range docstest.Pages(t, repository) {
		statements := slices.DeleteFunc(slices.Clone(page.Spans), func(span string) bool {
			return !strings.HasPrefix(span, "SELECT ")
		})
		for _, block := range page.Blocks {
			if block.Kind == "sql" {
				statements = append(statements, strings.Split(block.Text, ";\n")...)
			}
		}
		for _, statement := range statements {
			if statement = strings.TrimSpace(statement); prepared.MatchString(statement) {
				tried++
				_, err := conn.Conn().Prepare(t.Context(), "", statement)
				assert.NoError(t, err, "%s: %s", page.Path, statement)
			}
		}
	}
	require.NotZero(t, tried)
}
