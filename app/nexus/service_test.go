package nexus

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	s := newService(t)
	name, spec := unique(), domain.Spec{Names: []string{"WWW.example.com"}}
	for i, c := range []struct {
		operation string
		in        any
	}{
		{ports.NexusEnsureOperation, ports.NexusEnsure{Name: name, EnsureRequest: ports.EnsureRequest{Spec: spec}}},
		{ports.NexusRenewOperation, ports.NexusRenew{Name: name,
			RenewRequest: ports.RenewRequest{Note: "then continue as new"}}},
		{ports.NexusRevokeOperation, ports.NexusRevoke{Name: name,
			RevokeRequest: ports.RevokeRequest{Reason: domain.RevokedSuperseded}}},
	} {
		out, err := s.call(c.operation, c.in)
		require.NoError(t, err, c.operation)
		require.Equal(t, i+1, out.Cycle, c.operation)
		seen, err := s.call(ports.NexusStatusOperation, ports.NexusStatus{Name: name})
		require.NoError(t, err, c.operation)
		require.Equal(t, out.Cycle, seen.Cycle, c.operation)
		require.Equal(t, []string{"www.example.com"}, seen.Spec.Names, "the spec is sent with its names normalised")
	}
}

func TestFaultsReachTheCaller(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ensure := func(name, dnsName string) ports.NexusEnsure {
		return ports.NexusEnsure{Name: name, EnsureRequest: ports.EnsureRequest{Spec: domain.Spec{Names: []string{dnsName}}}}
	}
	missing := unique()
	spec := domain.Spec{Names: []string{"www.example.com"}}
	for _, c := range []struct {
		title, operation string
		in               any
		kind             domain.FaultKind
		reason           domain.Reason
		says             string
	}{
		{"a problem", ports.NexusEnsureOperation, ensure(unique(), "problem.example.com"), domain.FaultName,
			"Unauthorized", "the CA saw 404"},
		{"a bad spec", ports.NexusEnsureOperation, ensure(missing, "a_b.example.com"), domain.FaultSpec,
			"NameUnderscore", "a_b.example.com"},
		{"a bad name", ports.NexusEnsureOperation, ensure("no spaces", "www.example.com"), domain.FaultSpec,
			"CertificateNameCharacter", "no spaces"},
		{"a bad reason", ports.NexusRevokeOperation,
			ports.NexusRevoke{Name: missing, RevokeRequest: ports.RevokeRequest{Reason: "boredom"}}, domain.FaultSpec,
			"UnknownReason", "boredom"},
		{"an unknown field", ports.NexusEnsureOperation,
			map[string]any{"name": missing, "spec": spec, "dry_run": true}, domain.FaultSpec, "UnknownField",
			`"dry_run": there is no such field; there are caller, dryRun, expectedGeneration, name, spec; did you mean "dryRun"?`},
		{"an unknown field of what is answered in place", ports.NexusStatusOperation,
			map[string]any{"name": missing, "run": "x"}, domain.FaultSpec, "UnknownField", `"run"`},
		{"a field of another type", ports.NexusRenewOperation, map[string]any{"name": missing, "force": "yes"},
			domain.FaultSpec, "InputMalformed", "force"},
		{"renewal of an unknown name", ports.NexusRenewOperation, ports.NexusRenew{Name: missing}, domain.FaultSpec,
			"UnknownCertificate", missing},
		{"revocation of an unknown name", ports.NexusRevokeOperation, ports.NexusRevoke{Name: missing},
			domain.FaultSpec, "UnknownCertificate", missing},
		{"status of an unknown name", ports.NexusStatusOperation, ports.NexusStatus{Name: missing}, domain.FaultSpec,
			"UnknownCertificate", missing},
	} {
		t.Run(c.title, func(t *testing.T) {
			_, err := s.call(c.operation, c.in)
			fault := faultIn(t, err)
			require.Equal(t, c.kind, fault.Kind)
			require.EqualValues(t, c.reason, fault.Reason)
			require.Contains(t, fault.Message, c.says)
		})
	}
	_, err := s.call(ports.NexusEnsureOperation, ensure(unique(), "problem.example.com"))
	require.Equal(t, time.Minute, faultIn(t, err).RetryAfter, "the whole fault travels")
}

// The worker that carries a request goes away in the middle; the next one waits on, and the request is made once.
func TestRestartInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newService(t)
	name := unique()
	run := s.begin(ports.NexusEnsureOperation,
		ports.NexusEnsure{Name: name, EnsureRequest: ports.EnsureRequest{Spec: domain.Spec{Names: []string{"slow.example.com"}}}})
	s.eventually("the request to arrive", func() bool { return s.accepted(name) == 1 })
	began := time.Now()
	s.inside.Stop()
	require.Less(t, time.Since(began), 10*time.Second, "the wait for an answer does not hold up the stop")
	s.startInside()
	s.open(name)
	var out domain.Status
	require.NoError(t, run.Get(s.t.Context(), &out))
	require.Equal(t, 1, out.Cycle)
	require.Equal(t, 1, s.accepted(name))
}

// Cancelling an operation ends the wait for it; the certificate is kept all the same.
func TestCancelledOperation(t *testing.T) {
	t.Parallel()
	s := newService(t)
	name := unique()
	run := s.begin(ports.NexusEnsureOperation,
		ports.NexusEnsure{Name: name, EnsureRequest: ports.EnsureRequest{Spec: domain.Spec{Names: []string{"slow.example.com"}}}})
	s.eventually("the request to arrive", func() bool { return s.accepted(name) == 1 })
	require.NoError(t, s.abroad.SignalWorkflow(s.t.Context(), run.GetID(), run.GetRunID(), "cancel", nil))
	err := run.Get(s.t.Context(), nil)
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	s.eventually("the operation's workflow to end", func() bool {
		found, err := s.home.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: `WorkflowType = "` + ports.NexusWorkflow + `" AND WorkflowId STARTS_WITH "nexus/` + name +
				`/Ensure/"`,
		})
		return err == nil && len(found.GetExecutions()) == 1 &&
			found.GetExecutions()[0].GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED
	})
	s.open(name)
	s.eventually("the certificate", func() bool {
		out, err := s.call(ports.NexusStatusOperation, ports.NexusStatus{Name: name})
		return err == nil && out.Phase == domain.PhaseReady
	})
}

// accepted counts the updates that a certificate's workflow has taken.
func (s *service) accepted(name string) (n int) {
	history := s.home.GetWorkflowHistory(s.t.Context(), ports.WorkflowID(name), "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return 0
		}
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED {
			n++
		}
	}
	return n
}

func (s *service) open(name string) {
	s.t.Helper()
	require.NoError(s.t, s.home.SignalWorkflow(s.t.Context(), ports.WorkflowID(name), "", "open", nil))
}

func (s *service) eventually(what string, done func() bool) {
	s.t.Helper()
	require.Eventually(s.t, done, 30*time.Second, 50*time.Millisecond, "waited for "+what)
}
