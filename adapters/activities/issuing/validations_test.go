package issuing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// The CA is not asked to validate a challenge while validations of its name have failed too often, whichever
// certificates they were for.
func TestAuthorizeOrderHoldsBack(t *testing.T) {
	r := newRig(t)
	r.failures = map[string][]time.Time{"a.example.com": {now.Add(-time.Minute), now.Add(-2 * time.Minute),
		now.Add(-3 * time.Minute), now.Add(-20 * time.Minute)}}
	r.rand.EXPECT().Float64().Return(0.5)
	inOrder(
		r.shows("a", authorization("a", isPending)),
		one(r.solver.EXPECT().Present(anything, anything, anything)),
		one(r.solver.EXPECT().Check(anything, anything)),
		one(r.cleansUp(nil)),
	)
	err := r.authorize(ofOne())
	application, fault := faultIn(t, err)
	require.True(t, application.NonRetryable(), "waited out on a timer")
	require.Equal(t, domain.FaultRateLimited, fault.Kind)
	require.Equal(t, domain.ReasonTooManyFailedValidations, fault.Reason)
	require.Equal(t, 45*time.Minute, fault.RetryAfter, "spread over ten minutes")
	require.Contains(t, fault.Message, "a.example.com")
	require.Empty(t, r.counted)
}

// An administrator who has seen to the name does not wait.
func TestAuthorizeOrderForced(t *testing.T) {
	r := newRig(t)
	r.failures = map[string][]time.Time{"a.example.com": {now, now, now, now}}
	r.in.Force = true
	inOrder(
		r.shows("a", authorization("a", isPending)),
		one(r.solver.EXPECT().Present(anything, anything, anything)),
		one(r.solver.EXPECT().Check(anything, anything)),
		one(r.ca.EXPECT().AcceptChallenge(anything, anything)),
		r.shows("a", authorization("a", isValid)),
		one(r.cleansUp(nil)),
	)
	require.NoError(t, r.authorize(ofOne()))
}

func TestFailedValidationsAreCounted(t *testing.T) {
	failed := authorization("a", isInvalid)
	failed.Fault = nameFault
	both := func(r *rig) {
		r.solver.EXPECT().Present(anything, anything, anything)
		r.solver.EXPECT().Check(anything, anything).Times(2)
		r.ca.EXPECT().AcceptChallenge(anything, anything).Times(2)
		r.shows("a", authorization("a", isPending), failed)
	}
	t.Run("each of an order's, by the name that the CA counts", func(t *testing.T) {
		r := newRig(t)
		both(r)
		other := authorization("b", isInvalid)
		other.Name = "*.b.example.com"
		r.shows("b", authorization("b", isPending), other)
		r.cleansUp(nil)
		err := r.authorize(pending)
		wire(t, err, nameFault, false)
		require.Equal(t, []string{"a.example.com", "b.example.com"}, r.counted)
	})
	t.Run("what the CA still looks at is none", func(t *testing.T) {
		r := newRig(t)
		both(r)
		r.shows("b", authorization("b", isPending), authorization("b", isPending))
		r.cleansUp(nil)
		err := r.authorize(pending)
		wire(t, err, nameFault, false)
		require.Equal(t, []string{"a.example.com"}, r.counted)
	})
	t.Run("what merely ran out is none", func(t *testing.T) {
		r := newRig(t)
		r.shows("a", authorization("a", "expired"))
		r.shows("b", authorization("b", isPending))
		r.cleansUp(nil)
		err := r.authorize(pending)
		require.Error(t, err)
		require.Empty(t, r.counted)
	})
	t.Run("a count that cannot be stored is repeated", func(t *testing.T) {
		r := newRig(t)
		r.countFault = waitFault
		r.shows("a", failed)
		r.shows("b", authorization("b", isPending))
		err := r.authorize(pending)
		wire(t, err, waitFault, true)
	})
}
