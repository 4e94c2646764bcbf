package kinds

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

type shape struct{ side int }

func (s shape) String() string { return fmt.Sprint(s.side) }

type entry struct {
	Name   string `json:"name"`
	Square *shape `json:"square,omitempty"`
	Circle *shape `json:"circle,omitempty"`
}

func TestTheOneKindThatIsSet(t *testing.T) {
	t.Parallel()
	name, kind, err := Of[fmt.Stringer](entry{Name: "a", Circle: &shape{3}})
	require.NoError(t, err)
	require.Equal(t, "circle", name)
	require.Equal(t, "3", kind.String())

	_, _, err = Of[fmt.Stringer](entry{})
	require.EqualError(t, err, "it has no kind; give it exactly one of square, circle")
	_, kind, err = Of[fmt.Stringer](entry{Square: &shape{1}, Circle: &shape{2}})
	require.EqualError(t, err, "it has 2 kinds (square, circle); give it exactly one of square, circle")
	require.Nil(t, kind)
}

func TestAFieldThatIsNoKindShowsAtOnce(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { _, _, _ = Of[error](entry{}) })
}
