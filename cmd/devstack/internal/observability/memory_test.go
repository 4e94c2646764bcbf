package observability

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/stretchr/testify/require"
)

// memory holds series as promtool's tests write them, one a line, with a sample each minute; by name and labels.
type memory map[string]storage.Series

// load reads series; one that is there already is replaced. Where none is named, the target is Everleaf's first worker.
func (m memory) load(t *testing.T, lines string) {
	t.Helper()
	m.loadFrom(t, "everleaf", "a", lines)
}

// loadForeign reads the SDK's series among lines as those of two workers of another team: one whose target has the
// job's name, as where one job scrapes all pods, and one of another job.
func (m memory) loadForeign(t *testing.T, lines string) {
	t.Helper()
	var shared strings.Builder
	// A queue that Everleaf has none of.
	shared.WriteString("temporal_num_pollers{task_queue=\"foreign\",poller_type=\"workflow_task\"} 2x60\n")
	for line := range strings.Lines(lines) {
		if strings.HasPrefix(line, "temporal_") {
			shared.WriteString(strings.ReplaceAll(line, `,instance="b"`, ""))
		}
	}
	m.loadFrom(t, "everleaf", "foreign", shared.String())
	m.loadFrom(t, "foreign", "a", shared.String())
}

func (m memory) loadFrom(t *testing.T, job, instance, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		described, values, err := promQL.ParseSeriesDesc(line)
		require.NoError(t, err, line)
		target := labels.NewBuilder(described)
		for name, value := range map[string]string{"job": job, "instance": instance} {
			if !described.Has(name) {
				target.Set(name, value)
			}
		}
		described = target.Labels()
		var samples []chunks.Sample
		for i, value := range values {
			if !value.Omitted {
				samples = append(samples, sample{int64(i) * time.Minute.Milliseconds(), value.Value})
			}
		}
		m[described.String()] = storage.NewListSeries(described, samples)
	}
}

// Querier implements storage.Queryable.
func (m memory) Querier(_, _ int64) (storage.Querier, error) { return m, nil }

// Select implements storage.Querier.
func (m memory) Select(_ context.Context, _ bool, _ *storage.SelectHints,
	matchers ...*labels.Matcher) storage.SeriesSet {
	found := &set{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		series := m[key]
		if !slices.ContainsFunc(matchers, func(by *labels.Matcher) bool { return !by.Matches(series.Labels().Get(by.Name)) }) {
			found.series = append(found.series, series)
		}
	}
	return found
}

// LabelValues, LabelNames and Close implement storage.Querier; evaluation asks for none of the first two.
func (memory) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string,
	annotations.Annotations, error) {
	return nil, nil, nil
}

func (memory) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations,
	error) {
	return nil, nil, nil
}

func (memory) Close() error { return nil }

type set struct {
	series []storage.Series
	at     int
}

func (s *set) Next() bool                      { s.at++; return s.at <= len(s.series) }
func (s *set) At() storage.Series              { return s.series[s.at-1] }
func (*set) Err() error                        { return nil }
func (*set) Warnings() annotations.Annotations { return nil }

type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                    { return s.t }
func (sample) ST() int64                     { return 0 } // when the counter began: not known
func (s sample) F() float64                  { return s.v }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }
