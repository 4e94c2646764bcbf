package lifecycle

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// raw is an input as somebody may send it.
func raw(text string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")},
		Data: []byte(text)})
}

// A start that can never be carried out fails the workflow, with the reason.
//
// In the suite, what is sent at once comes with the start.
func TestBadStarts(t *testing.T) {
	deliveries := strings.TrimSuffix(strings.Repeat(`"lb",`, 60_000), ",")
	for reason, input := range map[string]any{
		"NoSpec":         raw("null"),
		"InputMalformed": raw(`{"spec": {"names": "a.example.com"}}`),
		"InputTooLarge":  raw(`{"spec": {"names": ["` + strings.Repeat("a", 1_900_000) + `"]}}`),
		"deliveries":     raw(`{"spec": {"names": ["a.example.com"], "deliveries": [` + deliveries + `]}}`),
		"NameUnderscore": ports.StartInput{Spec: domain.Spec{Names: []string{"a_b.example.com"}}},
		"NoNames":        ports.StartInput{},
	} {
		t.Run(reason, func(t *testing.T) {
			w := newWorld(t)
			w.run(input)
			fault := faultIn(t, w.env.GetWorkflowError())
			require.Equal(t, domain.FaultSpec, fault.Kind)
			if reason != "deliveries" {
				require.Equal(t, domain.Reason(reason), fault.Reason)
			}
			require.Empty(t, w.steps())
		})
	}
	w := newWorld(t)
	w.env.ExecuteWorkflow(ports.CertificateWorkflow)
	require.Equal(t, domain.ReasonNoSpec, faultIn(t, w.env.GetWorkflowError()).Reason, "no argument at all")
}

// An Ensure that comes with a start says all that the start says.
func TestUpdateWithStart(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(0, ports.EnsureUpdate, ensureChanged)
	w.lives(changed, day)
	require.Equal(t, changed.Names, asked.ok(t).Issued.Names)
	recorded := inputsOf(w, ports.RecordRequest)
	require.Len(t, recorded, 1)
	require.Equal(t, domain.RequestEnsure, recorded[0].Request.Kind)
	require.Len(t, inputsOf(w, ports.ObtainCertificate), 1)
}

// A caller that comes with a start that fails gets the start's fault, before the workflow fails.
func TestUpdateWithABadStart(t *testing.T) {
	w := newWorld(t)
	asked := []*answer{w.ask(0, ports.EnsureUpdate, ensure), w.ask(0, ports.RenewUpdate, ports.RenewRequest{})}
	w.run(raw("null"))
	require.Equal(t, domain.ReasonNoSpec, faultIn(t, w.env.GetWorkflowError()).Reason)
	for _, a := range asked {
		require.Equal(t, domain.ReasonNoSpec, a.problem(t).Reason)
	}
	require.Empty(t, w.calls)

	w = newWorld(t)
	renewed := w.ask(0, ports.RenewUpdate, ports.RenewRequest{})
	w.run(ports.StartInput{Spec: domain.Spec{Names: []string{"a_b.example.com"}}})
	require.Equal(t, domain.ReasonNameUnderscore, faultIn(t, w.env.GetWorkflowError()).Reason)
	require.Equal(t, domain.ReasonNameUnderscore, renewed.problem(t).Reason)
}

func TestOptionsThatDoNotSuit(t *testing.T) {
	for title, set := range map[string]func(*workflow.Info){
		"cron":              func(info *workflow.Info) { info.CronSchedule = "@daily" },
		"run time-out":      func(info *workflow.Info) { info.WorkflowRunTimeout = day },
		"execution timeout": func(info *workflow.Info) { info.WorkflowExecutionTimeout = 365 * day },
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			before := w.info
			w.info = func(info *workflow.Info) { before(info); set(info) }
			w.run(ports.StartInput{Spec: spec})
			require.Equal(t, domain.ReasonStartOptions, faultIn(t, w.env.GetWorkflowError()).Reason)
			require.Empty(t, w.calls)
		})
	}
}

func TestWorkflowIDOfAnotherKind(t *testing.T) {
	for _, id := range []string{"shop", "certificate/"} {
		w := newWorld(t)
		w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id, TaskQueue: ports.TaskQueue})
		w.run(ports.StartInput{Spec: spec})
		fault := faultIn(t, w.env.GetWorkflowError())
		require.Equal(t, domain.FaultSpec, fault.Kind)
		require.Contains(t, fault.Message, fmt.Sprintf("%q", id))
		require.Empty(t, w.calls)
	}
}

// A first input says what is wanted and nothing else: a state is refused like any field that no build knows.
func TestFirstInputHasNoAuthority(t *testing.T) {
	for _, field := range []string{`"machine": 9`, `"mode": "Clearing"`, `"cycle": 7`, `"tenant": "x"`, `"dryRun": true`,
		`"record": {"issued": {"version": "stolen"}}`, `"want": {"reason": "Requested"}`} {
		w := newWorld(t)
		w.run(raw(`{"spec": {"names": ["a.example.com"]}, ` + field + `}`))
		fault := faultIn(t, w.env.GetWorkflowError())
		require.Equal(t, domain.ReasonUnknownField, fault.Reason, field)
		require.Empty(t, w.calls, field)
	}
}

// A workflow of somebody else that continues as new into this type hands over what it likes. The record wins.
func TestForeignStates(t *testing.T) {
	for title, input := range map[string]string{
		"a spec alone":    `{"spec": {"names": ["a.example.com"]}}`,
		"a state":         `{"machine": 1, "spec": {"names": ["a.example.com"]}, "mode": "Active", "cycle": 99}`,
		"an unknown mode": `{"machine": 1, "spec": {"names": ["a.example.com"]}, "mode": "Cancelled"}`,
		"a want":          `{"machine": 1, "spec": {"names": ["a.example.com"]}, "want": {"reason": "Requested", "replaces": "v7"}}`,
		"a tenant too far": `{"machine": 1, "spec": {"names": ["a.example.com"]}, "tenant": "` +
			strings.Repeat("t", 200) + `"}`,
	} {
		t.Run(title, func(t *testing.T) {
			first := newWorld(t)
			first.lives(spec, day)
			w := first.again(0)
			w.record.Retirement = ""
			w.at(2*day, w.env.CancelWorkflow)
			var status domain.Status
			w.at(day, func() { status = w.status() })
			w.run(raw(input))
			require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()), "%v", w.env.GetWorkflowError())
			require.Equal(t, "v1", status.Issued.Version, "what is stored is in service")
			require.Empty(t, w.steps(), "%v", w.calls)
		})
	}
}

// A state that this build can't read blocks the run until a build comes that can: the workflow's task fails, and the
// run stays open.
func TestUnreadableStates(t *testing.T) {
	newer, err := json.Marshal(lifecycle.State{Machine: lifecycle.Version + 1, Spec: spec, Mode: lifecycle.Active})
	require.NoError(t, err)
	for _, input := range []string{string(newer), `{"machine": 1, "spec": {"names": 7}}`,
		`{"machine": 1, "cycle": "three"}`, `[]`, `encrypted`} {
		w := newWorld(t)
		w.env.SetContinuedExecutionRunID("run-0")
		w.run(raw(input))
		var blocked *temporal.PanicError // which the SDK makes the failure of a task, not of the workflow
		require.ErrorAs(t, w.env.GetWorkflowError(), &blocked, input)
		require.Contains(t, blocked.Error(), "Deploy the build that wrote the state")
		require.Empty(t, w.calls)
	}
}
