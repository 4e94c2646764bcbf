package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// huge is almost as much as Temporal carries in one payload, and large as much as Linux carries in one argument.
var (
	huge  = strings.Repeat("x", 1_900_000)
	large = huge[:100_000]
)

// many are so many delivery targets or names.
func many(n int) (values []string) {
	for i := range n {
		values = append(values, fmt.Sprintf("n%d.example.test", i))
	}
	return values
}

// Whatever comes through whichever door, and however large: it is refused with the name of the field, or ignored. The
// certificate's workflow lives on, no task of it fails, and its status is there.
func TestHugeInputsAreRefused(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	a := s.abroad()
	before := status(t, s.must("cert", "ensure", s.name, "--name", "hostile.example.test", "--output", "json"))
	type request struct {
		field string
		input map[string]any
	}
	requests := map[string]request{}
	for field, value := range map[string]any{
		"issuers": []string{huge}, "profile": huge, "deliveries": []string{huge}, "names": []string{huge},
		"tenant": huge,
	} {
		requests["Ensure "+field] = request{field, specOf(field, value)}
	}
	for _, list := range []string{"names", "deliveries", "issuers"} {
		requests["Ensure many "+list] = request{list, specOf(list, many(60_000))}
	}
	for _, update := range []string{"Renew", "Revoke", "Retire"} {
		requests[update+" note"] = request{"note", map[string]any{"note": huge}}
	}
	for _, title := range slices.Sorted(maps.Keys(requests)) {
		request := requests[title]
		update, _, _ := strings.Cut(title, " ")
		refused(t, s.update(s.name, update, request.input), request.field)
		request.input["name"] = s.name
		_, err := a.call(update, request.input)
		refused(t, errors.New(faultAbroad(t, err).Message), request.field)
	}
	require.NoError(t, s.temporal.SignalWorkflow(t.Context(), ports.WorkflowID(s.name), "", ports.RecordChangedSignal,
		huge))
	for _, flags := range [][]string{
		{"ensure", "issuers", "--use-issuer", large}, {"ensure", "profile", "--profile", large},
		{"ensure", "deliveries", "--deliver", large},
		{"ensure", "names", "--name", large}, {"renew", "note", "--note", large}, {"revoke", "note", "--note", large},
		{"retire", "note", "--note", large},
	} {
		answer := s.cli(append([]string{"cert", flags[0], s.name}, flags[2:]...)...)
		require.NotZero(t, answer.code, flags[:2])
		refused(t, errors.New(answer.stderr), flags[1])
	}

	began := time.Now()
	now := status(t, s.must("cert", "status", s.name, "--output", "json"))
	require.Less(t, time.Since(began), 5*time.Second)
	require.Equal(t, before.Issued, now.Issued)
	require.Equal(t, before.Spec, now.Spec)
	s.unhurt(ports.WorkflowID(s.name), "")

	// A start has nobody to answer to but who reads its history.
	for title, input := range map[string]map[string]any{
		"issuers": specOf("issuers", []string{huge}), "profile": specOf("profile", huge),
		"deliveries": specOf("deliveries", many(60_000)),
		"names":      specOf("names", many(60_000)), "notes": {"note": huge},
	} {
		refused(t, s.begin(s.name+"-huge-"+title, input), "input: ")
	}
	refused(t, s.begin(s.name+"-large", specOf("profile", huge[:60_000])), "profile")
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM certificates`))
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions`))
}

// specOf is an input with a good name and this field.
func specOf(field string, value any) map[string]any {
	spec := map[string]any{"names": []string{"hostile.example.test"}}
	spec[field] = value
	return map[string]any{"spec": spec}
}

// refused wants an error that says what is wrong, in few words.
func refused(t *testing.T, err error, says string) {
	t.Helper()
	require.ErrorContains(t, err, says)
	require.Less(t, len(err.Error()), 1500)
}

// update asks a workflow that runs.
func (s *stack) update(name, update string, input any) error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	handle, err := s.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: ports.WorkflowID(name), UpdateName: update, Args: []any{input},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// begin starts a workflow that is to fail, and returns why it did.
func (s *stack) begin(name string, input ...any) error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run, err := s.temporal.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: ports.WorkflowID(name), TaskQueue: s.queue},
		ports.CertificateWorkflow, input...)
	require.NoError(s.t, err)
	err = run.Get(ctx, nil)
	s.unhurt(run.GetID(), run.GetRunID())
	return err
}

// unhurt wants a run without a failed task. One that waited for the processor, a second before it yields or ten before
// it ends, is the machine's, not the input's: on a busy machine there may be one, and what hangs by itself has it
// again.
func (s *stack) unhurt(workflowID, runID string) {
	s.t.Helper()
	hung := 0
	run := s.history(workflowID, runID)
	for _, e := range run.Events {
		if e.GetWorkflowTaskTimedOutEventAttributes().GetTimeoutType() == enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
			hung++
		}
	}
	for _, failure := range taskFailures(run) {
		require.Contains(s.t, failure, "Potential deadlock", workflowID)
	}
	require.Less(s.t, hung, 2, workflowID)
}
