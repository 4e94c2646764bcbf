package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/ports"
)

// TestRecordChanges lives through what changes the record beside a certificate's workflow. With -record, the histories
// join the corpus.
func TestRecordChanges(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	dir, file := s.wholeLife()
	s.worker()
	has := func(certificate string) func() bool {
		return func() bool {
			return s.scalar(`SELECT count(*) FROM deliveries d JOIN certificates c ON c.name = d.certificate
				WHERE c.name = $1 AND d.version = c.current_version`, certificate) == 1
		}
	}

	drifted := s.name + "-drifted"
	s.must("cert", "ensure", drifted, "--name", "drifted.example.test", "--deliver", "disk")
	s.eventually("the delivery", has(drifted))
	require.NoError(t, os.Remove(filepath.Join(dir, drifted, "tls.key")))
	require.Equal(t, 1, s.swept().Drifted)
	s.eventually("the second delivery", has(drifted))
	require.FileExists(t, filepath.Join(dir, drifted, "tls.key"))
	keep(t, corpus, "drifted", s.rested(drifted))

	// Nobody but an administrator with SQL puts an older version back into service.
	superseded := s.name + "-superseded"
	first := status(t, s.must("cert", "ensure", superseded, "--name", "superseded.example.test", "--deliver", "disk",
		"--output", "json"))
	s.must("cert", "renew", superseded)
	s.eventually("the delivery", has(superseded))
	_, err := s.pool.Exec(context.Background(), `UPDATE certificates SET current_version = $2::uuid WHERE name = $1`,
		superseded, first.Issued.Version)
	require.NoError(t, err)
	s.wake(superseded)
	s.eventually("the delivery of what is in service", has(superseded))
	require.Equal(t, first.Issued.Serial, status(t,
		s.must("cert", "status", superseded, "--output", "json")).Issued.Serial)
	keep(t, corpus, "superseded", s.rested(superseded))

	removed := s.name + "-removed"
	s.must("cert", "ensure", removed, "--name", "removed.example.test", "--deliver", "disk")
	s.eventually("the delivery", has(removed))
	s.must("cert", "change", removed, "--remove-target", "disk")
	s.eventually("the removal", func() bool {
		return s.scalar(`SELECT count(*) FROM deliveries WHERE certificate = $1`,
			removed) == 0
	})
	keep(t, corpus, "target-removed", s.rested(removed))

	recovered := s.name + "-recovered"
	s.must("cert", "ensure", recovered, "--name", "recovered.example.test", "--deliver", "broken")
	s.eventually("the failure", func() bool {
		return s.scalar(`SELECT count(*) FROM deliveries WHERE certificate = $1 AND failure IS NOT NULL`, recovered) == 1
	})
	require.NoError(t, os.Remove(file)) // somebody looks after the disk
	require.NoError(t, os.Mkdir(file, 0o700))
	s.must("cert", "renew", recovered)
	s.eventually("the delivery", has(recovered))
	keep(t, corpus, "delivery-recovered", s.rested(recovered))

	meanwhile := s.name + "-noticed"
	finish, answer := s.attempt(meanwhile)
	s.wake(meanwhile)
	s.eventually("the notice to be taken", func() bool {
		described, err := s.temporal.DescribeWorkflow(context.Background(), ports.WorkflowID(meanwhile), "")
		require.NoError(t, err)
		return described.RawResponse.GetPendingWorkflowTask() == nil &&
			count(s.runs(meanwhile)[0], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 1
	})
	finish()
	(<-answer).exits(t, 0)
	keep(t, corpus, "changed-under-an-attempt", s.rested(meanwhile))
}

// TestRecordEnds lives through how a certificate's workflow may end. With -record, the histories join the corpus.
func TestRecordEnds(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	cancelled := func(certificate string) func() bool {
		return func() bool {
			return s.executionStatus(ports.WorkflowID(certificate)) == enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED
		}
	}

	left := s.name + "-left"
	s.must("cert", "ensure", left, "--name", "left.example.test", "--deliver", "disk")
	s.must("cert", "retire", left, "--note", "the targets keep it")
	keep(t, corpus, "retired-leaving", s.rested(left))

	// A second one comes while the first is not done.
	again := s.name + "-again"
	s.must("cert", "ensure", again, "--name", "again.example.test")
	held := newGate()
	s.proxy.on(&rule{path: pathRevoke, left: -1, gate: held})
	answers := []chan result{s.background("cert", "revoke", again, "--without-replacement")}
	s.eventually("the revocation to be at work", func() bool { return held.waiting.Load() > 0 })
	for _, flags := range [][]string{nil, {"--remove-deliveries"}} {
		answers = append(answers, s.background(append([]string{"cert", "retire", again}, flags...)...))
	}
	s.eventually("both requests", func() bool {
		return count(s.runs(again)[0], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) == 4
	})
	held.open()
	for _, answer := range answers {
		(<-answer).exits(t, 0)
	}
	keep(t, corpus, "retired-twice", s.rested(again))

	inAttempt := s.name + "-in-attempt"
	finish, answer := s.attempt(inAttempt)
	retired := s.background("cert", "retire", inAttempt)
	s.eventually("the request", func() bool {
		return count(s.runs(inAttempt)[0], enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) == 2
	})
	finish()
	(<-answer).exits(t, 1)
	(<-retired).exits(t, 0)
	keep(t, corpus, "retired-in-an-attempt", s.rested(inAttempt))

	stopped := s.name + "-stopped"
	finish, answer = s.attempt(stopped)
	require.NoError(t, s.temporal.CancelWorkflow(context.Background(), ports.WorkflowID(stopped), ""))
	s.eventually("the end of what was cancelled", cancelled(stopped))
	finish()
	(<-answer).exits(t, 1)
	keep(t, corpus, "cancelled-in-an-attempt", s.rested(stopped))
}
