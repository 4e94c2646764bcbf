package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// TestRecordRequests lives through what callers may ask for, and when. With -record, the histories join the corpus.
func TestRecordRequests(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()

	plain := s.name + "-plain"
	s.start(plain, "plain.example.test")
	s.eventually("the certificate", func() bool { return s.issued(plain) == 1 })
	keep(t, corpus, "plain-start", s.rested(plain))

	refused := s.name + "-refused"
	s.start(refused, "bad_name.example.test")
	s.eventually("the refusal", func() bool {
		return s.executionStatus(ports.WorkflowID(refused)) == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
	})
	keep(t, corpus, "refused-start", s.rested(refused))

	unchanged := s.name + "-unchanged"
	for range 2 {
		s.must("cert", "ensure", unchanged, "--name", "unchanged.example.test")
	}
	require.Equal(t, 1, s.issued(unchanged))
	keep(t, corpus, "unchanged", s.rested(unchanged))

	// What is asked for while an attempt is at work is for the one after it.
	meanwhile := s.name + "-meanwhile"
	finish, first := s.attempt(meanwhile)
	second := s.background("cert", "ensure", meanwhile, "--name", "held.example.test", "--name", "more.example.test")
	s.eventually("the change", func() bool { return s.eventCount(meanwhile, "changed") == 1 })
	finish()
	for _, answer := range []chan result{first, second} {
		(<-answer).exits(t, 0)
	}
	require.Equal(t, 2, s.issued(meanwhile))
	keep(t, corpus, "changed-meanwhile", s.rested(meanwhile))

	many := s.name + "-many"
	finish, first = s.attempt(many)
	answers := []chan result{first}
	for _, command := range [][]string{
		{"renew", many}, {"ensure", many, "--name", "held.example.test", "--deliver", "disk", "--replace"},
		{"renew", many, "--force"},
		{"ensure", many, "--name", "held.example.test", "--name", "many.example.test", "--replace"},
	} {
		answers = append(answers, s.background(append([]string{"cert"}, command...)...))
	}
	s.eventually("all requests", func() bool {
		return count(s.runs(many)[0], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) == 5
	})
	finish()
	for _, answer := range answers {
		(<-answer).exits(t, 0)
	}
	keep(t, corpus, "several-at-once", s.rested(many))

	leaked := s.name + "-leaked"
	stolen := status(t, s.must("cert", "ensure", leaked, "--name", "leaked.example.test", "--key-rotation", "Never",
		"--output", "json"))
	require.Regexp(t, `Revoked +serial `+stolen.Issued.Serial,
		s.must("cert", "revoke", leaked, "--reason", "keyCompromise").stdout)
	require.Equal(t, 2, s.scalar(`SELECT count(DISTINCT key_id) FROM orders WHERE certificate = $1`, leaked),
		"another key")
	keep(t, corpus, "key-compromise", s.rested(leaked))

	// A CA's limit holds what is asked for, unless it is forced.
	limited := s.name + "-limited"
	s.must("cert", "ensure", limited, "--name", "limited.example.test")
	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(http.StatusTooManyRequests, "rateLimited", "too many", "Retry-After", "1800")})
	for range 2 {
		s.cli("cert", "renew", limited).exits(t, 1)
	}
	s.must("cert", "renew", limited, "--force")
	require.Equal(t, 2, s.issued(limited))
	keep(t, corpus, "limited", s.rested(limited))
}

// start starts a certificate without an update.
func (s *stack) start(certificate string, names ...string) {
	s.t.Helper()
	_, err := s.temporal.ExecuteWorkflow(context.Background(),
		client.StartWorkflowOptions{ID: ports.WorkflowID(certificate), TaskQueue: s.queue},
		ports.CertificateWorkflow, map[string]any{"spec": map[string]any{"names": names}})
	require.NoError(s.t, err)
}

// attempt ensures a certificate whose first attempt goes on when finish is called.
func (s *stack) attempt(certificate string) (finish func(), answer chan result) {
	s.t.Helper()
	g := newGate()
	held := s.proxy.on(&rule{path: pathFinalize, left: -1, gate: g})
	answer = s.background("cert", "ensure", certificate, "--name", "held.example.test")
	s.eventually("the attempt to be at work", func() bool { return g.waiting.Load() > 0 })
	return func() { s.proxy.off(held); g.open() }, answer
}

// background runs a command beside the test.
func (s *stack) background(command ...string) chan result {
	answer := make(chan result, 1)
	go func() { answer <- s.cli(command...) }()
	return answer
}

// issued counts a certificate's versions.
func (s *stack) issued(certificate string) int {
	s.t.Helper()
	return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, certificate)
}

// eventCount counts a certificate's events of a type.
func (s *stack) eventCount(certificate, event string) int {
	s.t.Helper()
	return s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = $2`, certificate, event)
}
