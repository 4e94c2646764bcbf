package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres/postgrestest"
)

var (
	sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")
	sqlSpan  = regexp.MustCompile("`(SELECT [^`]+)`")
	// prepared are the statements that Postgres can prepare, which checks tables and columns and runs nothing.
	prepared = regexp.MustCompile(`(?i)^(SELECT|WITH|INSERT|UPDATE|DELETE)\s`)
)

// The SQL that the documentation shows fits the schema. (The other things that pages name are tested in cmd/everleaf.)
func TestSQLOfTheDocumentationFitsTheSchema(t *testing.T) {
	t.Parallel()
	pool, _ := postgrestest.New(t)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	tried := 0
	for _, pattern := range []string{"README.md", ".github/*.md", "cmd/everleaf/docs/*.md",
		"cmd/everleaf/*/README.md"} {
		pages, err := filepath.Glob(filepath.Join("../../..", pattern))
		require.NoError(t, err)
		for _, page := range pages {
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			for _, found := range append(sqlBlock.FindAllStringSubmatch(string(text), -1),
				sqlSpan.FindAllStringSubmatch(string(text), -1)...) {
				for statement := range strings.SplitSeq(found[1], ";\n") {
					if statement = strings.TrimSpace(statement); prepared.MatchString(statement) {
						tried++
						_, err := conn.Conn().Prepare(t.Context(), "", statement)
						assert.NoError(t, err, "%s: %s", page, statement)
					}
				}
			}
		}
	}
	require.NotZero(t, tried)
}
