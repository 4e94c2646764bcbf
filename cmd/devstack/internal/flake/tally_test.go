package flake

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recorded run of tests that pass, fail, hang until the time-out, do not compile, and end in TestMain.
func TestTally(t *testing.T) {
	run, err := os.ReadFile("testdata/run.json")
	require.NoError(t, err)
	var tally Tally
	var log strings.Builder
	failed, err := tally.Read(strings.NewReader(string(run)), &log)
	require.NoError(t, err)
	require.Equal(t, []string{"example.test/bad TestTable/two", "example.test/bad TestTable", "example.test/broken",
		"example.test/start", "example.test/hung TestHangs"}, failed)
	for _, line := range []string{"go: a line that is no JSON\n", "    a_test.go:4: two is wrong\n",
		"undefined: undefined\n",
		"no server\n", "panic: test timed out after 2s\n"} {
		require.Contains(t, log.String(), line)
	}

	good := `{"Action":"run","Package":"example.test/bad","Test":"TestTable"}
{"Action":"pass","Package":"example.test/bad","Test":"TestTable","Elapsed":1.5}
{"Action":"pass","Package":"example.test/bad","Elapsed":1.6}` // and no line break at the end
	failed, err = tally.Read(strings.NewReader(good), &log)
	require.NoError(t, err)
	require.Empty(t, failed)

	var table strings.Builder
	tally.Write(&table, 2)
	require.Equal(t, `failed    ran  longest  test
     1      2     1.5s  example.test/bad TestTable
     1      1     0.0s  example.test/bad TestTable/two
     1      1     0.0s  example.test/broken
     1      1     2.0s  example.test/hung TestHangs
     1      1     0.0s  example.test/start
     0      1     0.3s  example.test/good TestSlow
     0      1     0.0s  example.test/bad TestFine
`, table.String())
}
