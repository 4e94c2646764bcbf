package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVariableOrItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("from a file \n"), 0o600))
	_, found := Variable("EVERLEAF_TEST_SECRET")
	require.False(t, found)
	t.Setenv("EVERLEAF_TEST_SECRET_FILE", path)
	value, found := Variable("EVERLEAF_TEST_SECRET")
	require.True(t, found)
	require.Equal(t, "from a file ", value, "without the line end alone")
	t.Setenv("EVERLEAF_TEST_SECRET", "from the variable")
	value, _ = Variable("EVERLEAF_TEST_SECRET")
	require.Equal(t, "from the variable", value)
	t.Setenv("EVERLEAF_TEST_OTHER_FILE", path+"-absent")
	_, found = Variable("EVERLEAF_TEST_OTHER")
	require.False(t, found)
}
