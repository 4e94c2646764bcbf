package telemetry

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

var silent = slog.New(slog.DiscardHandler)

func newMetrics(t testing.TB) *Metrics {
	t.Helper()
	m, err := NewMetrics(silent)
	require.NoError(t, err)
	return m
}

// scrape reads what a scrape answers, by the metrics' exported names.
func scrape(t testing.TB, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	require.NoError(t, err)
	return families
}

// find returns the one series with exactly these labels, given as name, value, name, value.
func find(t testing.TB, family *dto.MetricFamily, labels ...string) *dto.Metric {
	t.Helper()
	want := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		want[labels[i]] = labels[i+1]
	}
	for _, series := range family.GetMetric() {
		got := map[string]string{}
		for _, label := range series.GetLabel() {
			got[label.GetName()] = label.GetValue()
		}
		if len(got) == len(want) && func() bool {
			for name, value := range want {
				if got[name] != value {
					return false
				}
			}
			return true
		}() {
			return series
		}
	}
	require.Failf(t, "no such series", "%s%v in %v", family.GetName(), labels, family)
	return nil
}
