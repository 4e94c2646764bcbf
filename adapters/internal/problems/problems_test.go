package problems

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	require.NoError(t, Join())
	require.NoError(t, Join(nil, nil))
	require.Equal(t, a, Join(nil, a))
	all := Join(Join(a, nil, b), c)
	require.Equal(t, []error{a, b, c}, Each(all))
	require.EqualError(t, all, "a; b; c")
	require.ErrorIs(t, all, c)
	require.Len(t, Each(fmt.Errorf("file: %w", all)), 1)
	require.Empty(t, Each(nil))
}
