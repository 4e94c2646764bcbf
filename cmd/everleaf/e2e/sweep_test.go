package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// The CA pulls one certificate's window into the past and puts off another's: the first is replaced within seconds of a
// sweep, the second's timer moves, a third hears nothing. Nothing of it looks like trouble.
func TestSweepWakesWhatMoved(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	p := s.run()
	hurried, deferred, calm := s.name+"-hurried", s.name+"-deferred", s.name+"-calm"
	before := map[string]time.Time{}
	serials := map[string]string{}
	for _, name := range []string{hurried, deferred, calm} {
		got := status(t, s.must("cert", "ensure", name, "--name", name+".example.test", "--output", "json"))
		before[name], serials[name] = got.Renewal.At, got.Issued.Serial
	}
	require.Equal(t, ports.SweepResult{}, s.swept(), "the CA has said when it wants to be asked again")

	const why = "https://ca.example.test/incident"
	now := time.Now().UTC().Truncate(time.Second)
	s.suggest(hurried, now.Add(-time.Hour), now, why) // it ends within the certificate's life, and is past
	window := status(t, s.must("cert", "status", deferred, "--output", "json")).Renewal.Window
	const by = 5 * 24 * time.Hour
	s.suggest(deferred, window.Start.Add(by), window.End.Add(by), "")
	s.due()
	began := time.Now()
	found := s.swept()
	require.Equal(t, []int{3, 0, 2}, []int{found.Asked, found.Failed, found.Moved}, "%+v", found)
	s.eventually("the hurried certificate's replacement", func() bool {
		return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1 AND renewal IS NOT NULL`, hurried) == 2
	})
	took := time.Since(began)
	t.Logf("replaced %s after the sweep was triggered", took.Round(10*time.Millisecond))
	require.Less(t, took, 60*time.Second)

	require.NotEqual(t, serials[hurried], status(t,
		s.must("cert", "status", hurried, "--output", "json")).Issued.Serial)
	s.eventually("the moved timer to be seen", func() bool {
		got := status(t, s.must("cert", "status", deferred, "--output", "json"))
		require.Equal(t, serials[deferred], got.Issued.Serial)
		return got.Renewal.At.Equal(before[deferred].Add(by))
	})
	untouched := status(t, s.must("cert", "status", calm, "--output", "json"))
	require.Equal(t, serials[calm], untouched.Issued.Serial)
	require.Equal(t, before[calm], untouched.Renewal.At)
	runs := s.runs(calm)
	require.False(t, has(runs[len(runs)-1], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED))
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'renewal_moved'
		AND detail #>> '{plan,window,explanationURL}' = $2 AND detail ->> 'from' IS NOT NULL`, hurried, why))

	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates WHERE failure IS NOT NULL OR phase <> 'Ready'`))
	require.Contains(t, p.log.String(), why, "the explanation is shown to the operator")
	require.NotContains(t, p.log.String(), "WARN", "a renewal that comes early is no trouble")
	metrics := scraped(t, s.opsURL()+"/metrics")
	require.NotRegexp(t, `(?m)^everleaf_(attempts_failed|failure_reasons)_total.* [1-9]`, metrics)
	require.Regexp(t, `(?m)^everleaf_ari_checks_total\{.*outcome="moved".*\} 2$`, metrics)
	require.Regexp(t, `(?m)^everleaf_renewal_lag_seconds_bucket\{.*le="60".*\} 1$`, metrics, "early is not late")
	require.Equal(t, ports.SweepResult{}, s.swept(), "once is enough")
}

// TestRecordSweep lives through the scenarios of the sweep's corpus as TestRecord does through its own.
func TestRecordSweep(t *testing.T) {
	t.Parallel()
	const corpus = "../../../app/sweep/testdata/histories"
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	s.must("cert", "ensure", s.name, "--name", "swept.example.test")
	idle := s.history(s.sweep())
	require.LessOrEqual(t, actions(idle.Events), 2, "billable actions of an idle sweep, without the schedule's own")
	keep(t, corpus, "idle", idle)

	s.due()
	keep(t, corpus, "renewals", s.history(s.sweep()))

	// A host that is gone ends its own part alone.
	_, err := s.pool.Exec(context.Background(), `
		INSERT INTO deliveries (certificate, target, version, contacted, delivered_at) SELECT name, 'files@gone', current_version, true, now() FROM certificates`)
	require.NoError(t, err)
	s.due()
	id, run := s.sweep()
	var found ports.SweepResult
	require.NoError(t, s.temporal.GetWorkflow(context.Background(), id, run).Get(context.Background(), &found))
	require.Equal(t, 1, found.Asked)
	require.Len(t, found.Problems, 1)
	require.Contains(t, found.Problems[0], `deliveries to host "gone"`)
	gone := s.history(id, run)
	keep(t, corpus, "host-gone", gone)

	// An order that nobody works on has left a DNS record, and no zone is there to remove it from.
	_, err = s.pool.Exec(context.Background(), `DELETE FROM deliveries`)
	require.NoError(t, err)
	_, err = s.pool.Exec(context.Background(),
		`INSERT INTO dns_records (order_id, zone, name, value) SELECT id, 'example.test', '_acme-challenge.swept.example.test', 'x' FROM orders`)
	require.NoError(t, err)
	keep(t, corpus, "records", s.history(s.sweep()))

	// Where nothing can be counted, the sweep fails, and the next one begins again.
	_, err = s.pool.Exec(context.Background(), `ALTER TABLE deliveries RENAME TO hidden`)
	require.NoError(t, err)
	failed := s.history(s.sweep())
	require.True(t, has(failed, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED))
	keep(t, corpus, "failed", failed)
}

// sweep has the schedule start a sweep, and waits for its end.
func (s *stack) sweep() (workflowID, runID string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	handle := s.temporal.ScheduleClient().GetHandle(ctx, ports.SweepID(s.queue))
	started := func() int {
		described, err := handle.Describe(ctx)
		require.NoError(s.t, err)
		if recent := described.Info.RecentActions; len(recent) > 0 {
			workflowID, runID = recent[len(recent)-1].StartWorkflowResult.WorkflowID,
				recent[len(recent)-1].StartWorkflowResult.FirstExecutionRunID
		}
		return described.Info.NumActions
	}
	before := started()
	require.NoError(s.t, handle.Trigger(ctx, client.ScheduleTriggerOptions{}))
	s.eventually("the schedule to start a sweep", func() bool { return started() > before })
	s.eventually("the end of the sweep", func() bool {
		described, err := s.temporal.DescribeWorkflow(ctx, workflowID, runID)
		return err == nil && described.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	})
	return workflowID, runID
}

// swept sweeps and says what was found.
func (s *stack) swept() (found ports.SweepResult) {
	s.t.Helper()
	id, run := s.sweep()
	require.NoError(s.t, s.temporal.GetWorkflow(context.Background(), id, run).Get(context.Background(), &found))
	return found
}

// due is the time at which the CA wants to be asked again about every certificate.
func (s *stack) due() {
	s.t.Helper()
	_, err := s.pool.Exec(context.Background(),
		`UPDATE versions SET next_check = now() - interval '1 second' WHERE next_check IS NOT NULL`)
	require.NoError(s.t, err)
}

// suggest makes the CA give this window for the certificate in service.
func (s *stack) suggest(name string, start, end time.Time, explanation string) {
	s.t.Helper()
	var chain string
	require.NoError(s.t, s.pool.QueryRow(context.Background(),
		`SELECT chain_pem FROM everleaf_certificates WHERE name = $1`, name).Scan(&chain))
	answer, err := json.Marshal(map[string]any{"suggestedWindow": map[string]time.Time{"start": start, "end": end},
		"explanationURL": explanation})
	require.NoError(s.t, err)
	body, err := json.Marshal(map[string]string{"Certificate": leafPEM.FindString(chain),
		"ARIResponse": string(answer)})
	require.NoError(s.t, err)
	response, err := s.ca.Client.Post(s.ca.ManagementURL+"/set-renewal-info/", "application/json",
		bytes.NewReader(body))
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	require.Equal(s.t, http.StatusOK, response.StatusCode)
}

// leafPEM is a chain's first certificate.
var leafPEM = regexp.MustCompile(`(?s)^-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n`)

func scraped(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}
