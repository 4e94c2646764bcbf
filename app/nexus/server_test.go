package nexus

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"everleaf/adapters/caller"
	"everleaf/adapters/nexus"
	"everleaf/adapters/servertest"
	servertemporal "everleaf/adapters/temporal"
	"everleaf/domain"
	"everleaf/ports"
)

// service is a Nexus endpoint with all behind it: the service's worker in its namespace, a stand-in for the
// certificates' workflow, and a caller in its own namespace.
type service struct {
	t        *testing.T
	endpoint string
	queue    string
	home     client.Client
	abroad   client.Client
	inside   worker.Worker
}

func newService(t *testing.T) *service {
	t.Helper()
	address := servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL")
	s := &service{t: t, endpoint: unique(), queue: unique()}
	s.home = dial(t, address, "default")
	_, err := servertemporal.RegisterSearchAttributes(t.Context(), s.home, servertemporal.Config{
		Client: client.Options{HostPort: address, Namespace: "default"},
	})
	require.NoError(t, err)
	namespace := unique()
	_, err = s.home.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	s.abroad = dial(t, address, namespace)
	_, err = s.home.OperatorService().CreateNexusEndpoint(t.Context(), &operatorservice.CreateNexusEndpointRequest{
		Spec: &nexuspb.EndpointSpec{Name: s.endpoint,
			Target: &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{
				Worker: &nexuspb.EndpointTarget_Worker{Namespace: "default", TaskQueue: ports.NexusTaskQueue(s.queue)},
			}}},
	})
	require.NoError(t, err)

	certificates := worker.New(s.home, s.queue, worker.Options{})
	certificates.RegisterWorkflowWithOptions(standIn, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
	require.NoError(t, certificates.Start())
	t.Cleanup(certificates.Stop)
	s.startInside()
	t.Cleanup(func() { s.inside.Stop() })
	outside := worker.New(s.abroad, s.queue, worker.Options{})
	outside.RegisterWorkflow(callOut)
	require.NoError(t, outside.Start())
	t.Cleanup(outside.Stop)
	return s
}

// startInside starts the worker of the role nexus.
func (s *service) startInside() {
	s.t.Helper()
	s.inside = worker.New(s.home, ports.NexusTaskQueue(s.queue), worker.Options{DisableRegistrationAliasing: true})
	Register(s.inside)
	nexus.Register(s.inside, caller.New(s.home, caller.Options{TaskQueue: s.queue}))
	require.NoError(s.t, s.inside.Start())
}

func dial(t *testing.T, address, namespace string) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: address, Namespace: namespace,
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func unique() string { return "test-" + uuid.NewString() }

// callOut is a caller's workflow: it runs one operation. The signal "cancel" ends the wait for it.
func callOut(ctx workflow.Context, endpoint, operation string, in any) (domain.Status, error) {
	ctx, cancel := workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, "cancel").Receive(ctx, nil)
		cancel()
	})
	var out domain.Status
	future := workflow.NewNexusClient(endpoint, ports.NexusService).ExecuteOperation(ctx, operation, in,
		workflow.NexusOperationOptions{ScheduleToCloseTimeout: time.Minute})
	err := future.Get(ctx, &out)
	return out, err
}

func (s *service) call(operation string, in any) (domain.Status, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 90*time.Second)
	defer cancel()
	var out domain.Status
	err := s.begin(operation, in).Get(ctx, &out)
	return out, err
}

func (s *service) begin(operation string, in any) client.WorkflowRun {
	s.t.Helper()
	run, err := s.abroad.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: unique(), TaskQueue: s.queue},
		callOut, s.endpoint, operation, in)
	require.NoError(s.t, err)
	return run
}

// faultIn reads what a caller can read in an operation's error.
func faultIn(t *testing.T, err error) domain.Fault {
	t.Helper()
	var operation *temporal.NexusOperationError
	require.ErrorAs(t, err, &operation)
	var application *temporal.ApplicationError
	require.True(t, errors.As(operation, &application), "%v", err)
	var fault domain.Fault
	require.NoError(t, application.Details(&fault), "%v", err)
	require.Equal(t, string(fault.Kind), application.Type())
	return fault
}

// counted is the input of standIn: a start's, and how many certificates earlier runs have answered with.
type counted struct {
	ports.StartInput
	Cycle int `json:"cycle,omitempty"`
}

// standIn answers the contract in the place of the certificates' workflow. Names say how. Nothing is stored that a lost
// one could go on with.
func standIn(ctx workflow.Context, input counted) error {
	state := domain.Status{Phase: domain.PhaseIssuing, Spec: input.Spec, Cycle: input.Cycle}
	state.Name, _ = ports.CertificateName(workflow.GetInfo(ctx).WorkflowExecution.ID)
	again, open := false, false
	unknown := domain.Fault{Kind: domain.FaultSpec, Reason: domain.ReasonUnknownCertificate, Message: state.Name}
	refusal := temporal.NewApplicationErrorWithOptions(unknown.Message, string(unknown.Kind),
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{unknown}})
	answer := func(ctx workflow.Context, spec domain.Spec) (domain.Status, error) {
		if input.Resume {
			return domain.Status{}, refusal
		}
		if strings.HasPrefix(spec.Names[0], "problem") {
			fault := domain.Fault{Kind: domain.FaultName, Reason: "Unauthorized", Message: "the CA saw 404",
				RetryAfter: time.Minute}
			return domain.Status{}, temporal.NewApplicationErrorWithOptions(fault.Message, string(fault.Kind),
				temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{fault}})
		}
		if strings.HasPrefix(spec.Names[0], "slow") {
			if err := workflow.Await(ctx, func() bool { return open }); err != nil {
				return domain.Status{}, err
			}
		}
		state.Phase, state.Cycle = domain.PhaseReady, state.Cycle+1
		return state, nil
	}
	handlers := map[string]any{
		ports.EnsureUpdate: func(ctx workflow.Context, r ports.EnsureRequest) (domain.Status,
			error) {
			return answer(ctx, r.Spec)
		},
		ports.RenewUpdate: func(ctx workflow.Context, r ports.RenewRequest) (domain.Status, error) {
			again = r.Note == "then continue as new"
			return answer(ctx, input.Spec)
		},
		ports.RevokeUpdate: func(ctx workflow.Context, r ports.RevokeRequest) (domain.Status, error) {
			return answer(ctx, domain.Spec{Names: []string{"revoked-" + string(r.Reason)}})
		},
		ports.RetireUpdate: func(ctx workflow.Context, _ ports.RetireRequest) (domain.Status, error) {
			return answer(ctx, input.Spec)
		},
	}
	for _, name := range []string{ports.EnsureUpdate, ports.RenewUpdate, ports.RevokeUpdate, ports.RetireUpdate} {
		if err := workflow.SetUpdateHandler(ctx, name, handlers[name]); err != nil {
			return err
		}
	}
	if err := workflow.SetQueryHandler(ctx, ports.StatusQuery,
		func() (domain.Status, error) { return state, nil }); err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, "open").Receive(ctx, nil)
		open = true
	})
	if err := workflow.Await(ctx, func() bool {
		return (again || input.Resume) && workflow.AllHandlersFinished(ctx)
	}); err != nil {
		return err
	}
	if input.Resume {
		return refusal
	}
	input.Cycle = state.Cycle
	return workflow.NewContinueAsNewError(ctx, ports.CertificateWorkflow, input)
}
