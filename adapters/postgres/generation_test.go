package postgres_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// expecting is an Ensure that is made from a spec of this generation.
func expecting(id string, at time.Time, generation int64, names ...string) ports.StoredRequest {
	spec := domain.Spec{Names: names}.WithDefaults()
	request := wanted(id, at, spec, "names")
	request.ExpectedGeneration = &generation
	return request
}

// Each accepted change of the spec counts, once, whatever is in service; what changes nothing does not.
func TestGenerationCountsChanges(t *testing.T) {
	s := newStore(t)
	spec := func(names ...string) domain.Spec { return domain.Spec{Names: names}.WithDefaults() }
	for i, c := range []struct {
		id         string
		spec       domain.Spec
		fulfilled  bool
		generation int64
	}{
		{"1", spec("a.example"), false, 1},
		{"1", spec("a.example"), false, 1}, // repeated
		{"2", spec("a.example"), false, 1},
		{"3", spec("a.example", "b.example"), false, 2},
		{"4", spec("a.example"), true, 3},
	} {
		request := wanted(c.id, early.Add(time.Duration(i)*time.Second), c.spec)
		request.Fulfilled = c.fulfilled
		out, err := s.RecordRequest(t.Context(), "web", request)
		require.NoError(t, err)
		require.Equal(t, ports.RecordedRequest{Record: out.Record, Generation: c.generation}, out, i)
		record := query[domain.Spec](s, `SELECT wanted FROM certificates`)
		require.Equal(t, c.spec, record, i)
	}
	require.Equal(t, []string{"created", "ensured", "changed", "changed"}, s.events("web"),
		"a change is an event, whatever the caller calls new")

	s.issue(newOrder("web", ""))
	require.NoError(t, s.RecordFailure(t.Context(), "web", spec("a.example"),
		domain.Failure{At: time.Now(), RetryAt: time.Now()}))
	_, err := s.RecordReleased(t.Context(), "web", time.Now(), true)
	require.NoError(t, err)
	out, err := s.RecordRequest(t.Context(), "web", expecting("5", time.Now(), 3, "a.example", "c.example"))
	require.NoError(t, err)
	require.EqualValues(t, 4, out.Generation, "it outlives the workflow")

	out, err = s.RecordRequest(t.Context(), "web", retire("6", early))
	require.NoError(t, err)
	require.True(t, out.Superseded)
	require.False(t, out.Conflict)
	require.EqualValues(t, 4, out.Generation)
	require.Equal(t, []string{"a.example", "c.example"}, out.Stored.Names,
		"what was asked for last, be it in service or not")
}

// A request that expects another generation changes nothing, except one that was taken before.
func TestGenerationConflict(t *testing.T) {
	s := newStore(t)
	ask := func(request ports.StoredRequest) ports.RecordedRequest {
		t.Helper()
		out, err := s.RecordRequest(t.Context(), "web", request)
		require.NoError(t, err)
		return out
	}
	out := ask(expecting("0", early, 7, "a.example"))
	require.Equal(t, ports.RecordedRequest{Conflict: true}, out, "nothing is stored")
	require.Empty(t, s.events("web"))

	require.EqualValues(t, 1, ask(expecting("1", early, 0, "a.example")).Generation)
	require.EqualValues(t, 2, ask(expecting("2", early.Add(time.Second), 1, "b.example")).Generation)
	require.EqualValues(t, 2, ask(expecting("2", early.Add(2*time.Second), 1, "b.example")).Generation,
		"its answer was lost")

	for _, generation := range []int64{0, 1, 3} {
		out = ask(expecting("3", early.Add(3*time.Second), generation, "c.example"))
		require.True(t, out.Conflict)
		require.False(t, out.Superseded)
		require.EqualValues(t, 2, out.Generation)
		require.Equal(t, []string{"b.example"}, out.Stored.Names)
	}
	require.Equal(t, []string{"created", "changed"}, s.events("web"))
	out = ask(expecting("1", early.Add(4*time.Second), 0, "a.example"))
	require.True(t, out.Superseded, "asked again by a workflow that was reset")
	require.False(t, out.Conflict)
}

// Of many requests that are made from the same spec, one is taken.
func TestOneOfManyOfAGeneration(t *testing.T) {
	s := newStore(t)
	for generation := range int64(3) {
		var taken []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				id := strconv.FormatInt(generation, 10) + "/" + strconv.Itoa(i)
				out, err := s.RecordRequest(t.Context(), "web",
					expecting(id, early.Add(time.Duration(generation)*time.Second), generation,
						"n"+strconv.Itoa(i)+".example", strconv.FormatInt(generation, 10)+".example"))
				if err != nil {
					t.Errorf("%s: %v", id, err)
				}
				if !out.Conflict {
					mu.Lock()
					defer mu.Unlock()
					taken = append(taken, id)
				}
			})
		}
		all.Wait()
		require.Len(t, taken, 1)
		require.Equal(t, generation+1, query[int64](s, `SELECT generation FROM certificates`))
	}
}
