package nexus

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"everleaf/domain"
	"everleaf/ports"
)

// steps stand in for adapters/nexus: they answer try by try.
type steps struct {
	located int
	asked   []ports.CarryRequestInput
	answers []func() (ports.CarryRequestOutput, error)
}

func (s *steps) locate(_ context.Context, in ports.LocateCertificateInput) (ports.LocateCertificateOutput, error) {
	if in.Certificate == "missing" {
		return ports.LocateCertificateOutput{}, faultError(domain.FaultSpec, "UnknownCertificate")
	}
	s.located++
	return ports.LocateCertificateOutput{Run: "run-" + string(rune('0'+s.located))}, nil
}

func (s *steps) carry(_ context.Context, in ports.CarryRequestInput) (ports.CarryRequestOutput, error) {
	s.asked = append(s.asked, in)
	answer := s.answers[min(len(s.asked), len(s.answers))-1]
	return answer()
}

func faultError(kind domain.FaultKind, reason domain.Reason) error {
	return temporal.NewNonRetryableApplicationError(string(reason), string(kind), nil,
		domain.Fault{Kind: kind, Reason: reason, Message: "on purpose"})
}

func issued() (ports.CarryRequestOutput, error) {
	return ports.CarryRequestOutput{Status: domain.Status{Cycle: 7}}, nil
}

func failing(err error) func() (ports.CarryRequestOutput, error) {
	return func() (ports.CarryRequestOutput, error) { return ports.CarryRequestOutput{}, err }
}

// ask runs the workflow through its real registration.
func ask(t *testing.T, s *steps, request ports.NexusRequest) (domain.Status, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // on a busy machine, a second passes
	Register(env)
	env.RegisterActivityWithOptions(s.locate, activity.RegisterOptions{Name: ports.LocateCertificate.Name})
	env.RegisterActivityWithOptions(s.carry, activity.RegisterOptions{Name: ports.CarryRequest.Name})
	env.ExecuteWorkflow(ports.NexusWorkflow, request)
	require.True(t, env.IsWorkflowCompleted())
	if err := env.GetWorkflowError(); err != nil {
		return domain.Status{}, err
	}
	var status domain.Status
	return status, env.GetWorkflowResult(&status)
}

func TestEnsureNeedsNoRun(t *testing.T) {
	t.Parallel()
	s := &steps{answers: []func() (ports.CarryRequestOutput, error){issued}}
	request := ports.NexusRequest{Operation: ports.NexusEnsureOperation, Certificate: "shop", ID: "request"}
	_, err := ask(t, s, request)
	require.NoError(t, err)
	require.Zero(t, s.located)
	require.Equal(t, []ports.CarryRequestInput{{Request: request}}, s.asked)
}

// A try that crashed is repeated with the run of the first; only a run that ended without having seen the request is
// left for the next one.
func TestRepeatsMeetTheSameRun(t *testing.T) {
	t.Parallel()
	s := &steps{answers: []func() (ports.CarryRequestOutput, error){
		failing(errors.New("crashed")), failing(errors.New("crashed")),
		failing(faultError(domain.FaultWait, domain.ReasonRunEnded)), issued,
	}}
	_, err := ask(t, s, ports.NexusRequest{Operation: ports.NexusRenewOperation, Certificate: "shop", ID: "request"})
	require.NoError(t, err)
	var runs []string
	for _, in := range s.asked {
		require.Equal(t, "request", in.Request.ID)
		runs = append(runs, in.Run)
	}
	require.Equal(t, []string{"run-1", "run-1", "run-1", "run-2"}, runs)
}

func TestErrorsAreFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		title, certificate string
		answer             error
		kind               domain.FaultKind
		reason             domain.Reason
		calls              int
	}{
		{"an answer", "shop", faultError(domain.FaultName, "Unauthorized"), domain.FaultName, "Unauthorized", 1},
		{"nobody to ask", "missing", nil, domain.FaultSpec, "UnknownCertificate", 0},
		{"runs that end, one after the other", "shop", faultError(domain.FaultWait, domain.ReasonRunEnded),
			domain.FaultWait, domain.ReasonRunEnded, runs},
		{"not foreseen", "shop", temporal.NewNonRetryableApplicationError("oops", "bug", nil), domain.FaultOperator,
			"Unexpected", 1},
		{"no answer for a day", "shop", temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil),
			domain.FaultWait, "NoAnswer", 1},
	} {
		t.Run(c.title, func(t *testing.T) {
			t.Parallel()
			s := &steps{answers: []func() (ports.CarryRequestOutput, error){failing(c.answer)}}
			_, err := ask(t, s, ports.NexusRequest{Operation: ports.NexusRevokeOperation, Certificate: c.certificate})
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			require.Equal(t, string(c.kind), application.Type())
			require.True(t, application.NonRetryable())
			var answered domain.Fault
			require.NoError(t, application.Details(&answered))
			require.Equal(t, c.reason, answered.Reason)
			require.Len(t, s.asked, c.calls)
		})
	}
}
