package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/domain"
	"everleaf/ports"
)

// A revocation that was accepted waits for a target when its workflow is cancelled: it is shown from Postgres alone,
// and carried out when the certificate is taken up again. A second retirement says that it was the second. With
// -record, the histories join the corpus.
func TestRecordPendingRevocation(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.set("LIFE_FILE", os.DevNull) // a target that fails, and whose name may be recorded
	s.worker()
	name := s.name + "-pending"
	first := status(t, s.must("cert", "ensure", name, "--name", "pending.example.test", "--deliver", "broken",
		"--output", "json"))
	r := s.cli("cert", "revoke", name, "--reason", "superseded")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "ReplacementNotDelivered")
	require.Contains(t, s.must("cert", "explain", name).stdout,
		"The certificate with serial "+first.Issued.Serial+
			" (superseded) is revoked: then at the latest, and as soon as all targets have its replacement.")

	keep(t, corpus, "revocation-waiting", s.rested(name))
	require.NoError(t, s.temporal.CancelWorkflow(context.Background(), ports.WorkflowID(name), ""))
	s.eventually("the end of what was cancelled", func() bool {
		return s.executionStatus(ports.WorkflowID(name)) == enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED
	})
	keep(t, corpus, "revocation-left", s.rested(name))
	require.Zero(t, s.scalar(`SELECT count(*) FROM versions WHERE revoked_at IS NOT NULL`))
	require.Contains(t, s.must("cert", "explain", name).stdout, "was to be revoked, and is not")
	require.Contains(t, s.must("cert", "retire", name).stdout, "already before")

	s.must("cert", "ensure", name, "--name", "pending.example.test", "--replace")
	s.eventually("the revocation", func() bool {
		return s.scalar(`SELECT count(*) FROM versions WHERE serial = $1 AND revocation_reason = 'superseded'`,
			first.Issued.Serial) == 1
	})
	require.Equal(t, 2, s.scalar(`SELECT count(*) FROM versions`), "the certificate in service was taken over")
	require.NotContains(t, s.must("cert", "explain", name).stdout, "is revoked:")
	keep(t, corpus, "revocation-taken-up", s.rested(name))

	require.NotContains(t, s.must("cert", "retire", name).stdout, "already")
	for range 2 {
		again := status(t, s.must("cert", "retire", name, "--output", "json"))
		require.True(t, again.Already)
		require.Equal(t, domain.PhaseReleased, again.Phase)
	}
	r = s.cli("cert", "retire", name, "--remove-deliveries")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "StillDelivered", "a target that was met may have it, whatever it answered")
	require.Contains(t, r.stderr, "broken")
	never := s.cli("cert", "retire", s.name+"-never")
	never.exits(t, 1)
	require.Contains(t, never.stderr, "UnknownCertificate")
}

// What a retirement left at a target is not said to be gone by a second one.
func TestRecordRetiredAgain(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	dir, _ := s.wholeLife()
	s.worker()
	left := s.name + "-left"
	ensure := []string{"cert", "ensure", left, "--name", "left.example.test", "--deliver", "disk"}
	s.must(ensure...)
	s.eventually("the delivery", func() bool { return s.scalar(`SELECT count(*) FROM deliveries WHERE version IS NOT NULL`) == 1 })
	s.must("cert", "retire", left)
	require.Contains(t, s.must("cert", "retire", left).stdout, "disk")
	r := s.cli("cert", "retire", left, "--remove-deliveries")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "StillDelivered")
	require.Contains(t, r.stderr, "disk")
	require.Contains(t, s.must("cert", "explain", left).stdout,
		"disk keeps the certificate, and nobody clears it there.")
	s.must(ensure...)
	s.must("cert", "retire", left)

	key := filepath.Join(dir, left, "tls.key")
	require.FileExists(t, key)
	// Who takes it up again and does not name the target has it cleared.
	s.must("cert", "ensure", left, "--name", "left.example.test", "--replace")
	s.eventually("the removal", func() bool { return s.scalar(`SELECT count(*) FROM deliveries`) == 0 })
	require.NoFileExists(t, key)
	keep(t, corpus, "taken-up", s.rested(left))
	for range 2 {
		s.must("cert", "retire", left, "--remove-deliveries")
	}

	// It is given up while the CA does not revoke, and kept again before that is done: what is revoked is replaced.
	better := s.name + "-better"
	first := status(t, s.must("cert", "ensure", better, "--name", "better.example.test", "--deliver", "disk",
		"--output", "json"))
	held := newGate()
	s.proxy.on(&rule{path: pathRevoke, left: -1, gate: held})
	var asked sync.WaitGroup
	defer asked.Wait()
	ask := func(args ...string) { asked.Go(func() { s.cli(append(args, "--timeout", "150s")...) }) }
	ask("cert", "revoke", better, "--reason", "superseded", "--without-replacement")
	s.eventually("the revocation to be at the CA", func() bool { return held.waiting.Load() > 0 })
	ask("cert", "retire", better)
	s.eventually("the retirement to be stored", func() bool {
		return s.scalar(`SELECT count(*) FROM certificates WHERE name = $1 AND retirement IS NOT NULL`, better) == 1
	})
	kept := status(t, s.must("cert", "ensure", better, "--name", "better.example.test", "--replace", "--output",
		"json"))
	require.NotEqual(t, first.Issued.Serial, kept.Issued.Serial)
	held.open()
	s.eventually("the revocation", func() bool {
		return s.scalar(`SELECT count(*) FROM versions WHERE serial = $1 AND revoked_at IS NOT NULL`,
			first.Issued.Serial) == 1
	})
	s.eventually("the end of the removal", func() bool { return s.scalar(`SELECT count(*) FROM deliveries WHERE certificate = $1`, better) == 0 })
	require.NoFileExists(t, filepath.Join(dir, better, "tls.key"),
		"a target that was to keep it, and is not named any more")
	now := status(t, s.must("cert", "status", better, "--output", "json"))
	require.Equal(t, kept.Issued.Serial, now.Issued.Serial)
	require.False(t, now.Issued.Revoked)
	keep(t, corpus, "thought-better", s.rested(better))
}

// Somebody changes the order of issuers while an attempt is at work: what that obtains is as wanted. With -record, the
// history joins the corpus.
func TestRecordChangedPreference(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	name := s.name + "-preferred"
	g := newGate()
	s.proxy.on(&rule{path: pathFinalize, left: -1, gate: g})
	ensure := []string{"cert", "ensure", name, "--name", "preferred.example.test", "--replace", "--output", "json"}
	answers := make(chan result, 2)
	go func() { answers <- s.cli(append(ensure, "--use-issuer", "default", "--use-issuer", "spare")...) }()
	s.eventually("the attempt to be at work", func() bool { return g.waiting.Load() > 0 })
	go func() { answers <- s.cli(append(ensure, "--use-issuer", "spare", "--use-issuer", "default")...) }()
	s.eventually("the change", func() bool { return s.scalar(`SELECT count(*) FROM events WHERE type = 'changed'`) == 1 })
	g.open()
	for range 2 {
		(<-answers).exits(t, 0)
	}
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders`))
	require.Equal(t, []string{"spare", "default"},
		status(t, s.must("cert", "status", name, "--output", "json")).Spec.Issuers)
	keep(t, corpus, "preference", s.rested(name))
}

// The accounts' events are found by name of the issuer.
func TestAccountTimeline(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must("migrate")
	s.must("account", "update", "default")
	s.must("account", "rollover", "default")
	s.must("account", "update", "default", "--acme-email", "new@example.com")
	shown := s.must("account", "explain", "default").stdout
	for _, says := range []string{"The account was registered: ", "The account got a new key: ",
		"The CA was sent the contact new@example.com; before, it had the contact ops@example.com."} {
		require.Contains(t, shown, says)
	}
	var story struct {
		Accounts []struct{ Contact string }
		Events   []struct{ Type string }
		Earlier  bool
	}
	require.NoError(t, json.Unmarshal([]byte(s.must("account", "explain", "default", "--events", "1", "--output",
		"json").stdout), &story))
	require.Equal(t, "new@example.com", story.Accounts[0].Contact)
	require.Equal(t, "account_updated", story.Events[0].Type)
	require.True(t, story.Earlier)
	r := s.cli("account", "explain", "nobody")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "UnknownAccount")
}
