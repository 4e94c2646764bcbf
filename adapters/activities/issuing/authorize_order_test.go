package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"everleaf/domain"
	"everleaf/ports"
)

var authorizeInput = ports.AuthorizeOrderInput{Certificate: certName, Order: pending, Challenge: domain.ChallengeHTTP01}

// challenge is the http-01 challenge of one of the two names, "a" or "b".
func challenge(name string, status domain.AuthorizationStatus) domain.Challenge {
	return domain.Challenge{Type: domain.ChallengeHTTP01, URL: "challenge/" + name, Status: status, Name: name + ".example.com",
		Token: "token-" + name, KeyAuthorization: "token-" + name + ".thumbprint"}
}

func authorization(name string, status domain.AuthorizationStatus) domain.Authorization {
	return domain.Authorization{URL: "authz/" + name, Name: name + ".example.com", Status: status, Challenges: []domain.Challenge{
		{Type: "dns-01", URL: "challenge/dns/" + name}, challenge(name, domain.AuthorizationPending),
	}}
}

// shows expects the CA to be asked about a name once for each answer, in order.
func (r *rig) shows(name string, answers ...domain.Authorization) (calls []*gomock.Call) {
	for _, answer := range answers {
		calls = append(calls, r.ca.EXPECT().Authorization(anything, "authz/"+name).Return(answer, nil))
	}
	return calls
}

// cleansUp expects the challenges to be removed with a context that lives, whatever became of the step's own.
func (r *rig) cleansUp(err error) *gomock.Call {
	return r.solver.EXPECT().CleanUp(anything, orderID).DoAndReturn(func(ctx context.Context, _ string) error {
		require.NoError(r, ctx.Err())
		_, bounded := ctx.Deadline()
		require.True(r, bounded)
		return err
	})
}

func inOrder(calls ...[]*gomock.Call) {
	var all []*gomock.Call
	for _, some := range calls {
		all = append(all, some...)
	}
	gomock.InOrder(all...)
}

func one(call *gomock.Call) []*gomock.Call { return []*gomock.Call{call} }

const (
	isPending    = domain.AuthorizationPending
	isProcessing = domain.AuthorizationProcessing
	isValid      = domain.AuthorizationValid
	isInvalid    = domain.AuthorizationInvalid
)

func TestAuthorizeOrderShowsAllBeforeItTellsTheCA(t *testing.T) {
	r := newRig(t)
	a, b := challenge("a", isPending), challenge("b", isPending)
	inOrder(
		r.shows("a", authorization("a", isPending)),
		r.shows("b", authorization("b", isPending)),
		one(r.solver.EXPECT().Present(anything, orderID, []domain.Challenge{a, b})),
		one(r.solver.EXPECT().Check(anything, a)),
		one(r.solver.EXPECT().Check(anything, b)),
		one(r.ca.EXPECT().AcceptChallenge(anything, a)),
		one(r.ca.EXPECT().AcceptChallenge(anything, b)),
		r.shows("a", authorization("a", isPending), authorization("a", isValid)),
		r.shows("b", authorization("b", isValid)),
		one(r.cleansUp(nil)),
	)
	out, err := call(r, ports.AuthorizeOrder, authorizeInput)
	require.NoError(t, err)
	require.Equal(t, ports.AuthorizeOrderOutput{Authorized: []string{"a.example.com", "b.example.com"}}, out)
}

func TestAuthorizeOrderLeavesTheValidAlone(t *testing.T) {
	t.Run("all", func(t *testing.T) {
		r := newRig(t)
		inOrder(r.shows("a", authorization("a", isValid)), r.shows("b", authorization("b", isValid)), one(r.cleansUp(nil)))
		out, err := call(r, ports.AuthorizeOrder, authorizeInput)
		require.NoError(t, err)
		require.Equal(t, ports.AuthorizeOrderOutput{AlreadyValid: []string{"a.example.com", "b.example.com"}}, out)
	})
	t.Run("one of two", func(t *testing.T) {
		r := newRig(t)
		b := challenge("b", isPending)
		inOrder(
			r.shows("a", authorization("a", isValid)),
			r.shows("b", authorization("b", isPending)),
			one(r.solver.EXPECT().Present(anything, orderID, []domain.Challenge{b})),
			one(r.solver.EXPECT().Check(anything, b)),
			one(r.ca.EXPECT().AcceptChallenge(anything, b)),
			r.shows("b", authorization("b", isValid)),
			one(r.cleansUp(nil)),
		)
		out, err := call(r, ports.AuthorizeOrder, authorizeInput)
		require.NoError(t, err)
		require.Equal(t, ports.AuthorizeOrderOutput{Authorized: []string{"b.example.com"}, AlreadyValid: []string{"a.example.com"}}, out)
	})
}

// A killed try had told the CA of a: it is shown again, since the CA may still be looking, but not told twice.
func TestAuthorizeOrderGoesOnWhereAKilledTryWas(t *testing.T) {
	r := newRig(t)
	told := authorization("a", isPending)
	told.Challenges[1].Status = isProcessing
	b := challenge("b", isPending)
	inOrder(
		r.shows("a", told),
		r.shows("b", authorization("b", isPending)),
		one(r.solver.EXPECT().Present(anything, orderID, []domain.Challenge{challenge("a", isProcessing), b})),
		one(r.solver.EXPECT().Check(anything, b)),
		one(r.ca.EXPECT().AcceptChallenge(anything, b)),
		r.shows("a", authorization("a", isValid)),
		r.shows("b", authorization("b", isValid)),
		one(r.cleansUp(nil)),
	)
	_, err := call(r, ports.AuthorizeOrder, authorizeInput)
	require.NoError(t, err)
}

func TestAuthorizeOrderWaitsUntilTheChallengeIsVisible(t *testing.T) {
	invisible := domain.NewFault(domain.FaultWait, "ChallengeNotVisible", nil, "http://a.example.com answers 404")
	in := authorizeInput
	in.Order.Authorizations = []string{"authz/a"}
	a := challenge("a", isPending)

	t.Run("in time", func(t *testing.T) {
		r := newRig(t)
		inOrder(
			r.shows("a", authorization("a", isPending)),
			one(r.solver.EXPECT().Present(anything, anything, anything)),
			one(r.solver.EXPECT().Check(anything, a).Return(invisible).Times(3)),
			one(r.solver.EXPECT().Check(anything, a)),
			one(r.ca.EXPECT().AcceptChallenge(anything, a)),
			r.shows("a", authorization("a", isValid)),
			one(r.cleansUp(nil)),
		)
		_, err := call(r, ports.AuthorizeOrder, in)
		require.NoError(t, err)
	})
	t.Run("never: the name's fault, and the CA does not hear", func(t *testing.T) {
		r := newRig(t)
		r.step = 10 * time.Second // of 30
		r.shows("a", authorization("a", isPending))
		r.solver.EXPECT().Present(anything, anything, anything)
		r.solver.EXPECT().Check(anything, a).Return(invisible).Times(3)
		r.cleansUp(nil)
		_, err := call(r, ports.AuthorizeOrder, in)
		wire(t, err, domain.NewFault(domain.FaultName, "ChallengeNotVisible", nil, "http://a.example.com answers 404"), false)
	})
	t.Run("the zone is ours and cannot be seen: the operator's fault", func(t *testing.T) {
		r := newRig(t)
		r.step = 10 * time.Second // of 30
		r.shows("a", authorization("a", isPending))
		r.solver.EXPECT().Present(anything, anything, anything)
		r.solver.EXPECT().Check(anything, a).Return(domain.NewFault(domain.FaultWait, "ZoneNotVisible", nil, "no name server of it")).Times(3)
		r.cleansUp(nil)
		_, err := call(r, ports.AuthorizeOrder, in)
		wire(t, err, domain.NewFault(domain.FaultOperator, "ZoneNotVisible", nil, "no name server of it"), false)
	})
	t.Run("nobody could look: not the name's fault", func(t *testing.T) {
		r := newRig(t)
		r.step = 10 * time.Second
		r.shows("a", authorization("a", isPending))
		r.solver.EXPECT().Present(anything, anything, anything)
		r.solver.EXPECT().Check(anything, a).Return(waitFault).Times(3)
		_, err := call(r, ports.AuthorizeOrder, in)
		wire(t, err, waitFault, true)
	})
}

func TestAuthorizeOrderHonoursRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name            string
		asked, max      time.Duration
		atLeast, atMost time.Duration
	}{
		{"as asked", 60 * time.Millisecond, time.Minute, 60 * time.Millisecond, 10 * time.Second},
		{"but bounded", time.Hour, 60 * time.Millisecond, 60 * time.Millisecond, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.activities.pace.toldMax = c.max
			in := authorizeInput
			in.Order.Authorizations = []string{"authz/a"}
			waiting := authorization("a", isPending)
			waiting.RetryAfter = c.asked
			r.solver.EXPECT().Present(anything, anything, anything)
			r.solver.EXPECT().Check(anything, anything)
			r.ca.EXPECT().AcceptChallenge(anything, anything)
			inOrder(r.shows("a", authorization("a", isPending), waiting, authorization("a", isValid)), one(r.cleansUp(nil)))
			started := time.Now()
			_, err := call(r, ports.AuthorizeOrder, in)
			require.NoError(t, err)
			require.GreaterOrEqual(t, time.Since(started), c.atLeast)
			require.Less(t, time.Since(started), c.atMost)
		})
	}
}

func TestAuthorizeOrderHeartbeats(t *testing.T) {
	r := newRig(t)
	r.activities.pace.heartbeat, r.activities.pace.toldMax = time.Millisecond, time.Hour
	in := authorizeInput
	in.Order.Authorizations = []string{"authz/a"}
	beaten := make(chan string, 1)
	r.env.SetOnActivityHeartbeatListener(func(info *activity.Info, _ converter.EncodedValues) {
		select {
		case beaten <- info.ActivityType.Name:
		default:
		}
	})
	r.shows("a", authorization("a", isPending), authorization("a", isValid))
	r.solver.EXPECT().Present(anything, anything, anything).DoAndReturn(func(context.Context, string, []domain.Challenge) error {
		select { // a solver that takes its time
		case name := <-beaten:
			require.Equal(t, ports.AuthorizeOrder.Name, name)
		case <-time.After(30 * time.Second):
			t.Error("no heartbeat")
		}
		return nil
	})
	r.solver.EXPECT().Check(anything, anything)
	r.ca.EXPECT().AcceptChallenge(anything, anything)
	r.cleansUp(nil)
	_, err := call(r, ports.AuthorizeOrder, in)
	require.NoError(t, err)
}
