package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/caller"
	"everleaf/domain"
	"everleaf/ports"
)

// A CA that takes requests and answers none holds up what waits for it, and nothing else: who asks how a certificate
// stands is answered, and who asks for a revocation is accepted, with ten callers waiting.
func TestSilentCA(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	s.must("cert", "ensure", s.name, "--name", "silent.example.test")
	s.must("cert", "ensure", s.resting(), "--name", "resting.example.test")
	silent := newGate()
	s.proxy.on(&rule{path: "/", left: -1, gate: silent})
	served := s.tenWait()
	s.eventually("the CA to be asked", func() bool { return silent.waiting.Load() > 0 })
	s.answersWithin(time.Second)
	s.acceptsWithin(time.Second)
	s.answersWithin(time.Second)
	silent.open()
	served()
	s.revoked()
}

// The same of a Postgres whose connections stand and are dead: a short step that it does not answer leaves the workflow
// task in less than a second.
func TestSilentPostgres(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	_, l := s.behindLinks()
	s.must("cert", "ensure", s.name, "--name", "silent.example.test")
	s.must("cert", "ensure", s.resting(), "--name", "resting.example.test")
	l.postgres.set(linkBlackhole)
	served := s.tenWait()
	s.answersThroughout(5*time.Second, time.Second)
	s.acceptsWithin(time.Second)
	s.answersThroughout(10*time.Second, time.Second) // a slow step, and what follows it
	l.postgres.set(linkOpen)
	served()
	s.revoked()
}

// tenWait has ten callers ask for a renewal. It returns when as many as the workflow lets wait are accepted; served
// waits for everybody's answer.
func (s *stack) tenWait() (served func()) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	s.t.Cleanup(cancel)
	keeper := caller.New(s.temporal, caller.Options{TaskQueue: s.queue})
	var waiting sync.WaitGroup
	for i := range 10 {
		waiting.Go(func() {
			got, err := keeper.Renew(ctx, s.name, caller.RenewRequest{Note: fmt.Sprint("caller ", i)})
			if err != nil && domain.AsFault(err).Reason == domain.ReasonDatabaseUnavailable {
				return // who has waited for long gets an error
			}
			assert.NoError(s.t, err)
			assert.True(s.t, got.Issued != nil && got.Failure == nil, "%+v", got)
		})
	}
	s.eventually("the callers to wait", func() bool {
		accepted := 0
		for _, event := range s.history(ports.WorkflowID(s.name), "").Events {
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED {
				accepted++
			}
		}
		return accepted >= 1+8
	})
	return waiting.Wait
}

// revoked waits for the revocation that was asked for.
func (s *stack) revoked() {
	s.t.Helper()
	s.eventually("the revocation", func() bool {
		return s.scalar(`SELECT count(*) FROM versions WHERE revocation_reason = 'superseded'`) == 1
	})
}

// acceptsWithin has a revocation accepted.
func (s *stack) acceptsWithin(within time.Duration) {
	s.t.Helper()
	update := func(ctx context.Context, name string, reason domain.RevocationReason) (client.WorkflowUpdateHandle,
		error) {
		return s.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: ports.WorkflowID(name), UpdateName: ports.RevokeUpdate,
			WaitForStage: client.WorkflowUpdateStageAccepted, Args: []any{ports.RevokeRequest{Reason: reason}},
		})
	}
	took, usual := s.times(func(ctx context.Context) error {
		_, err := update(ctx, s.name, domain.RevokedSuperseded)
		return err
	}, func(ctx context.Context) error {
		handle, err := update(ctx, s.resting(), "none")
		if err == nil && handle.Get(ctx, nil) == nil {
			return errors.New("a reason that does not exist is accepted")
		}
		return err
	})
	s.t.Logf("Revoke accepted after %s, that of a certificate at rest after %s", took.Round(time.Millisecond),
		usual.Round(time.Millisecond))
	require.Less(s.t, took, within+usual)
}

func (s *stack) answersWithin(within time.Duration) { s.answersThroughout(0, within) }

// answersThroughout asks how the certificate stands, again and again for so long, and at least once.
func (s *stack) answersThroughout(period, within time.Duration) {
	s.t.Helper()
	query := func(name string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			answer, err := s.temporal.QueryWorkflow(ctx, ports.WorkflowID(name), "", ports.StatusQuery)
			if err != nil {
				return err
			}
			var status domain.Status
			return answer.Get(&status)
		}
	}
	var answers []time.Duration
	usual := time.Duration(0)
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for end := time.Now().Add(period); ; <-pause.C {
		took, rested := s.times(query(s.name), query(s.resting()))
		answers, usual = append(answers, took), max(usual, rested)
		if !time.Now().Before(end) {
			break
		}
	}
	slices.Sort(answers)
	s.t.Logf("%d times Status, answered within %s, that of a certificate at rest within %s", len(answers),
		answers[len(answers)-1].Round(time.Millisecond), usual.Round(time.Millisecond))
	late := slices.DeleteFunc(answers, func(took time.Duration) bool { return took < within+usual })
	require.LessOrEqual(s.t, len(late), s.prematureEnds(), "%v", late)
}

// prematureEnds counts the workflow tasks that failed since the server leaves the events of a speculative task out of
// the history that it hands out (https://github.com/temporalio/temporal/issues/7741). A query that comes then is
// answered by its second try, 5 s later.
func (s *stack) prematureEnds() (n int) {
	s.t.Helper()
	for _, event := range s.history(ports.WorkflowID(s.name), "").Events {
		if prematureEnd(event) {
			n++
		}
	}
	return n
}

// times is how long a call takes, and how long the same takes for a certificate at rest at the same moment, which shows
// how busy the machine is.
func (s *stack) times(call, control func(context.Context) error) (took, usual time.Duration) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	rested := make(chan time.Duration, 1)
	go func() {
		assert.NoError(s.t, control(ctx))
		rested <- time.Since(began)
	}()
	require.NoError(s.t, call(ctx))
	return time.Since(began), <-rested
}

// resting is a certificate for which nothing is done.
func (s *stack) resting() string { return s.name + "-resting" }
