package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sixty thousand deliveries, in each of fifty starts: each is refused, and the worker keeps nothing of them.
func TestManyDeliveriesKeepNoMemory(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	begin := func(count int, title string) {
		for i := range count {
			refused(t, s.begin(fmt.Sprintf("%s-%s-%d", s.name, title, i), specOf("deliveries", many(60_000))),
				"input: ")
		}
	}
	begin(10, "warm")
	before := s.resident()
	begin(40, "more")
	after := s.resident()
	t.Logf("resident: %.0f MB, then %.0f MB", before/1e6, after/1e6)
	require.Less(t, after-before, 40*1_300_000.0/2, "less than half of what was sent")
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates`))
}

// resident is the last worker's resident memory, in octets.
func (s *stack) resident() float64 {
	s.t.Helper()
	resident := s.scraped()["process_resident_memory_bytes"].GetMetric()
	require.Len(s.t, resident, 1)
	return resident[0].GetGauge().GetValue()
}
