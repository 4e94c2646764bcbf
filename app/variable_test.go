package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVariableOrItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	const name = "EVERLEAF_TEST_SECRET"
	value, err := Variable(name)
	require.NoError(t, err)
	require.Empty(t, value)
	t.Setenv(name+FileSuffix, path)
	_, err = Variable(name)
	require.ErrorContains(t, err, "EVERLEAF_TEST_SECRET_FILE: stat "+path)
	for _, odd := range []string{filepath.Dir(path), "/dev/zero", "/dev/stdin"} {
		t.Setenv(name+FileSuffix, odd)
		_, err = Variable(name)
		require.ErrorContains(t, err, odd+" is no file", odd)
	}
	t.Setenv(name+FileSuffix, path)
	for content, says := range map[string]string{"\n": "is empty", "a\x00b": "is no text", "from a file \n": "",
		strings.Repeat("x", maxSecret+1): "is no file of at most", "\uFEFFfrom a file \r\n": ""} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		value, err = Variable(name)
		if says != "" {
			require.ErrorContains(t, err, says)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "from a file ", value, "without the line end alone")
		require.Nil(t, Rereads(name, "a flag's"))
		again, err := Rereads(name, value)()
		require.NoError(t, err)
		require.Equal(t, value, again)
		t.Setenv(name, "")
		value, err = Variable(name)
		require.NoError(t, err)
		require.NotEmpty(t, value, "an empty variable is not set")
		t.Setenv(name, "hunter2")
		_, err = Variable(name)
		require.ErrorContains(t, err, "are both set")
		require.NotContains(t, err.Error(), "hunter2")
		t.Setenv(name, "")
	}
}
