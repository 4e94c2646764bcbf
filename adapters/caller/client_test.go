package caller

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	// stored is the DNS name of what is stored, where the stand-in goes on with that.
	stored = "stored.example.com"
	// nothingStored ends the names of certificates of which nothing is.
	nothingStored = "-unstored"
)

// standIn answers the contract in the place of the real workflow: it issues at once, except for names that say what
// to answer instead.
func standIn(ctx workflow.Context, input ports.StartInput) error {
	state := domain.Status{Phase: domain.PhaseIssuing}
	state.Name, _ = ports.CertificateName(workflow.GetInfo(ctx).WorkflowExecution.ID)
	if input.Resume {
		input.Spec.Names = []string{stored}
	}
	state.Spec = input.Spec
	var refusal error
	if input.Resume && strings.HasSuffix(state.Name, nothingStored) {
		fault := domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil, "there is no %q", state.Name)
		refusal = temporal.NewApplicationErrorWithOptions(fault.Message, string(fault.Kind),
			temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{fault}})
	}
	answer := func(names []string) (domain.Status, error) {
		if refusal != nil {
			return domain.Status{}, refusal
		}
		switch names[0] {
		case "problem.example.com":
			fault := domain.NewFault(domain.FaultName, "Unauthorized", nil,
				"the CA saw 404").WithRetryAfter(time.Minute)
			return domain.Status{}, temporal.NewApplicationErrorWithOptions(fault.Message, string(fault.Kind),
				temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{fault}})
		case "bug.example.com":
			return domain.Status{}, temporal.NewNonRetryableApplicationError("index out of range", "panic", nil)
		}
		state.Phase, state.Cycle = domain.PhaseReady, state.Cycle+1
		state.Issued = &domain.Issued{Version: "v1", Names: names, Serial: "0a"}
		return state, nil
	}
	err := workflow.SetUpdateHandler(ctx, ports.EnsureUpdate,
		func(_ workflow.Context, r ports.EnsureRequest) (domain.Status, error) {
			return answer(r.Spec.Names)
		})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandler(ctx, ports.RenewUpdate,
		func(workflow.Context, ports.RenewRequest) (domain.Status, error) {
			return answer(input.Spec.Names)
		})
	if err != nil {
		return err
	}
	err = workflow.SetQueryHandler(ctx, ports.StatusQuery, func() (domain.Status, error) { return state, nil })
	if err != nil {
		return err
	}
	if input.Spec.Names[0] == "blog.example.com" { // issued without anybody waiting
		if _, err := answer(input.Spec.Names); err != nil {
			return err
		}
	}
	if refusal != nil {
		_ = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
		return refusal
	}
	// The signal makes it end in the ways that only a workflow can choose.
	for end := workflow.GetSignalChannel(ctx, "end"); ; {
		how := ""
		workflow.NewSelector(ctx).AddReceive(end, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &how) }).
			AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).Select(ctx)
		switch how {
		case "continue":
			return workflow.NewContinueAsNewError(ctx, ports.CertificateWorkflow, input)
		case "fail":
			return temporal.NewNonRetryableApplicationError("no more", "end", nil)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// startWorker starts a worker of the stand-in, as app does of the real one.
func startWorker(t *testing.T, s server) worker.Worker {
	t.Helper()
	w := worker.New(s.client, s.queue, worker.Options{OnFatalError: func(err error) { t.Errorf("fatal: %v", err) }})
	w.RegisterWorkflowWithOptions(standIn, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
	require.NoError(t, w.Start())
	return w
}

func TestKeeperSpeaksTheContract(t *testing.T) {
	t.Parallel()
	s := connect(t)
	w := startWorker(t, s)
	defer w.Stop()
	keeper := s.keeper
	ctx := bounded(t, time.Minute)
	name, spec := unique(t), domain.Spec{Names: []string{"www.Example.com"}}

	status, err := keeper.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Equal(t, domain.PhaseReady, status.Phase)
	require.Equal(t, []string{"www.example.com"}, status.Issued.Names, "the spec is sent with its names normalised")
	require.Equal(t, 1, status.Cycle)

	status, err = keeper.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Equal(t, 2, status.Cycle, "the second update meets the workflow that runs")

	status, err = keeper.Renew(ctx, name, RenewRequest{Note: "asked by hand"})
	require.NoError(t, err)
	require.Equal(t, 3, status.Cycle)

	seen, err := keeper.Status(ctx, name)
	require.NoError(t, err)
	require.Equal(t, status, seen)

	described, err := s.client.DescribeWorkflow(ctx, ports.WorkflowID(name), "")
	require.NoError(t, err)
	require.Equal(t, s.queue, described.TaskQueueName)
	require.Equal(t, ports.CertificateWorkflow, described.WorkflowType.Name)

	require.NoError(t, s.client.TerminateWorkflow(ctx, ports.WorkflowID(name), "", "test"))
	status, err = keeper.Renew(ctx, name, RenewRequest{})
	require.NoError(t, err)
	require.Equal(t, []string{stored}, status.Issued.Names, "it goes on with what is stored")
	require.Equal(t, 1, status.Cycle)
	require.NoError(t, s.client.TerminateWorkflow(ctx, ports.WorkflowID(name), "", "test"))
	status, err = keeper.Ensure(ctx, name, spec)
	require.NoError(t, err)
	require.Equal(t, 1, status.Cycle, "a terminated workflow is followed by a new one")
}

func TestKeeperFaults(t *testing.T) {
	t.Parallel()
	s := connect(t)
	w := startWorker(t, s)
	defer w.Stop()
	keeper := s.keeper
	ctx := bounded(t, time.Minute)
	ensure := func(name, dnsName string) func() error {
		return func() error {
			_, err := keeper.Ensure(ctx, name, domain.Spec{Names: []string{dnsName}})
			return err
		}
	}
	missing := unique(t) + nothingStored
	for _, c := range []struct {
		title  string
		call   func() error
		kind   domain.FaultKind
		reason string
		says   string
	}{
		{"a problem keeps kind and reason", ensure(unique(t), "problem.example.com"), domain.FaultName, "Unauthorized",
			"the CA saw 404"},
		{"an error without a fault is the operator's", ensure(unique(t), "bug.example.com"), domain.FaultOperator,
			"Unexpected", "index out of range"},
		{"a bad DNS name goes nowhere", ensure(missing, "a_b.example.com"), domain.FaultSpec, "", "a_b.example.com"},
		{"a bad certificate name goes nowhere", ensure("no spaces", "www.example.com"), domain.FaultSpec, "",
			"no spaces"},
		{"renew of an unknown name", func() error { _, err := keeper.Renew(ctx, missing, RenewRequest{}); return err },
			domain.FaultSpec, "UnknownCertificate", missing},
		{"a dry run of an unknown name starts nothing", func() error {
			_, err := keeper.EnsureWith(ctx, missing,
				EnsureRequest{Spec: domain.Spec{Names: []string{"www.example.com"}}, DryRun: true})
			return err
		}, domain.FaultSpec, "UnknownCertificate", missing},
		{"status of an unknown name", func() error { _, err := keeper.Status(ctx, missing); return err },
			domain.FaultSpec, "UnknownCertificate", missing},
	} {
		t.Run(c.title, func(t *testing.T) {
			requireFault(t, c.call(), c.kind, c.reason, c.says)
		})
	}
	fault := domain.AsFault(ensure(unique(t), "problem.example.com")())
	require.Equal(t, time.Minute, fault.RetryAfter, "the whole fault travels")
}

func TestEnsureOutlastsAWorkerThatComesLate(t *testing.T) {
	t.Parallel()
	s := connect(t)
	keeper := s.keeper
	ctx := bounded(t, time.Minute)
	name := unique(t)
	result := make(chan error, 1)
	go func() {
		_, err := keeper.Ensure(ctx, name, domain.Spec{Names: []string{"www.example.com"}})
		result <- err
	}()
	require.Eventually(t, func() bool {
		_, err := keeper.Status(ctx, name)
		return err != nil && domain.AsFault(err).Reason == "NoWorker"
	}, 30*time.Second, 50*time.Millisecond, "the workflow is there and nobody works on it")
	w := startWorker(t, s)
	defer w.Stop()
	require.NoError(t, <-result)
}

func TestStatusWithoutAWorkerNamesTheQueue(t *testing.T) {
	t.Parallel()
	s := connect(t)
	keeper := s.keeper
	ctx, name, spec := bounded(t, time.Minute), unique(t), domain.Spec{Names: []string{"www.example.com"}}
	err := keeper.Start(ctx, name, spec)
	require.NoError(t, err)
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err = keeper.Ensure(short, name, spec)
	require.ErrorIs(t, err, context.DeadlineExceeded, "the caller's own end is passed on as it is")

	began := time.Now()
	_, err = keeper.Status(ctx, name)
	requireFault(t, err, domain.FaultWait, "NoWorker", s.queue)
	require.Contains(t, err.Error(), "everleaf worker", "the fix is named")
	require.Less(t, time.Since(began), queryTimeout+connection.ProbeTimeout)
}

// A closed workflow would still answer a query, with a renewal that nobody will do. One that continued as new is open.
func TestStatusOfAnEndedWorkflow(t *testing.T) {
	t.Parallel()
	s := connect(t)
	w := startWorker(t, s)
	t.Cleanup(w.Stop) // the cases run in parallel, after this function
	keeper := s.keeper
	signal := func(how string) func(ctx context.Context, id string) error {
		return func(ctx context.Context, id string) error { return s.client.SignalWorkflow(ctx, id, "", "end", how) }
	}
	for _, c := range []struct {
		title string
		end   func(ctx context.Context, id string) error
		says  string
	}{
		{"terminated", func(ctx context.Context,
			id string) error {
			return s.client.TerminateWorkflow(ctx, id, "", "test")
		},
			"its workflow is terminated since "},
		{"cancelled", func(ctx context.Context, id string) error { return s.client.CancelWorkflow(ctx, id, "") },
			"its workflow is cancelled"},
		{"failed", signal("fail"), "its workflow has failed"},
		{"continued as new", signal("continue"), ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			t.Parallel()
			ctx, name, spec := bounded(t, time.Minute), unique(t), domain.Spec{Names: []string{"www.example.com"}}
			id := ports.WorkflowID(name)
			_, err := keeper.Ensure(ctx, name, spec)
			require.NoError(t, err)
			run, err := s.keeper.Locate(ctx, name)
			require.NoError(t, err)
			first := s.client.GetWorkflow(ctx, id, run)
			require.NoError(t, c.end(ctx, id))
			// That run is over now.
			_ = first.GetWithOptions(ctx, nil, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
			status, err := keeper.Status(ctx, name)
			if c.says == "" {
				require.NoError(t, err)
				require.Equal(t, 0, status.Cycle, "the new run answers")
				return
			}
			requireFault(t, err, domain.FaultSpec, "WorkflowEnded", c.says)
			require.Contains(t, err.Error(), "everleaf cert ensure", "the fix is named")
			require.Contains(t, err.Error(), "everleaf cert explain "+name)
			_, again := keeper.Renew(ctx, name, RenewRequest{})
			if c.title == "cancelled" {
				require.Equal(t, err, again, "its end is recorded, and who asks for something hears the same")
			} else {
				require.NoError(t, again, "it goes on with what is stored")
			}
			_, err = keeper.Ensure(ctx, name, spec)
			require.NoError(t, err, "and works")
			status, err = keeper.Status(ctx, name)
			require.NoError(t, err)
			require.Equal(t, domain.PhaseReady, status.Phase)
		})
	}
}
