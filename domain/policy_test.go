package domain_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// TestPolicy pins each cell of the failure policy by what it does.
func TestPolicy(t *testing.T) {
	t.Parallel()
	const (
		hour, week = time.Hour, 7 * day
		// The other issuer is asked: if no wait is asked for, after a wait of an hour, and of more than an hour.
		never, ifHour, always = "---", "+-+", "+++"
		// Callers are answered: after a wait of a second, and of a minute.
		ifMinute, atOnce = "-+", "++"
	)
	type row struct {
		kind    domain.FaultKind
		reason  domain.Reason
		inPlace bool
		// asked is the wait if 30 days are asked for, and backoff the one after the fourth failure, while the
		// certificate in service has four hours left; counted is whether it counts as a further attempt.
		asked, backoff time.Duration
		counted        bool
		other, answer  string
		holds, newKey  bool
	}
	row4 := func(reason domain.Reason) row {
		return row{domain.FaultOperator, reason, false, hour, hour, true, always, atOnce, false, false}
	}
	for _, c := range []row{
		{domain.FaultRateLimited, domain.ReasonRateLimited, false, week, hour, true, ifHour, ifMinute, true, false},
		{domain.FaultRateLimited, "AnyOther", false, week, hour, true, ifHour, ifMinute, true, false},
		{domain.FaultRateLimited, domain.ReasonTooManyFailedValidations, false, week, hour, true, never, ifMinute,
			true, false},
		{domain.FaultWait, "AnyOther", true, hour, hour, true, never, ifMinute, false, false},
		{domain.FaultWait, domain.ReasonChallengeNotVisible, true, day, day, true, never, ifMinute, false, false},
		{domain.FaultWait, domain.ReasonDatabaseUnavailable, true, hour, 10 * time.Minute, false, never, ifMinute,
			false, false},
		{domain.FaultWait, domain.ReasonSealingUnavailable, true, hour, 10 * time.Minute, false, never, ifMinute,
			false, false},
		{domain.FaultWait, domain.ReasonTemporalUnreachable, true, hour, 10 * time.Minute, false, never, ifMinute,
			false, false},
		{domain.FaultName, "AnyOther", false, day, day, true, never, atOnce, false, false},
		{domain.FaultName, domain.ReasonNamesPaused, false, day, day, true, never, atOnce, false, false},
		{domain.FaultName, domain.ReasonChallengeNotVisible, false, day, day, true, never, atOnce, false, false},
		{domain.FaultCA, "AnyOther", true, hour, hour, true, always, ifMinute, false, false},
		{domain.FaultOperator, "AnyOther", false, hour, hour, true, never, atOnce, false, false},
		{domain.FaultOperator, domain.ReasonUnknownIssuer, false, hour, hour, true, never, atOnce, false, false},
		{domain.FaultOperator, domain.ReasonBadCSR, false, hour, hour, true, never, atOnce, false, true},
		{domain.FaultOperator, domain.ReasonBadPublicKey, false, hour, hour, true, never, atOnce, false, true},
		row4(domain.ReasonAccountDoesNotExist), row4(domain.ReasonAccountKeyUnreadable),
		row4(domain.ReasonExternalAccountRequired),
		row4(domain.ReasonInvalidContact), row4(domain.ReasonUnauthorized), row4(domain.ReasonUnsupportedContact),
		row4(domain.ReasonUserActionRequired), row4(domain.ReasonWrongDirectory),
		{domain.FaultSpec, "AnyOther", false, hour, hour, true, never, atOnce, false, false},
		{domain.FaultSpec, domain.ReasonUnknownProfile, false, hour, hour, true, never, atOnce, false, false},
		{"FromTheFuture", "AnyOther", false, hour, hour, true, never, ifMinute, false, false},
		{"FromTheFuture", domain.ReasonDatabaseUnavailable, false, hour, hour, true, never, ifMinute, false, false},
	} {
		t.Run(string(c.kind)+"/"+string(c.reason), func(t *testing.T) {
			t.Parallel()
			decide := func(asked time.Duration) domain.Decision {
				return domain.Decide(domain.Failed{
					Fault: *domain.NewFault(c.kind, c.reason, nil, "it failed").WithRetryAfter(asked), At: noon,
					Spec: domain.Spec{Issuers: []string{"first", "second"}}, Issuer: "first",
					Previous: &domain.Failure{Attempts: 3}, Issued: &domain.Issued{NotAfter: noon.Add(4 * hour)},
				})
			}
			sign := func(yes bool) string { return map[bool]string{true: "+", false: "-"}[yes] }
			require.Equal(t, c.inPlace, domain.NewFault(c.kind, c.reason, nil, "").Transient(), "repeat in place")
			require.Equal(t, c.asked, decide(30*day).Failure.RetryAt.Sub(noon), "wait as asked")
			require.Equal(t, c.backoff, decide(0).Failure.RetryAt.Sub(noon), "backoff")
			require.Equal(t, c.counted, decide(0).Failure.Attempts == 4, "counted")
			require.Equal(t, c.other, sign(decide(0).Next == "second")+sign(decide(hour).Next == "second")+
				sign(decide(hour+1).Next == "second"), "other issuer")
			require.Equal(t, c.answer, sign(decide(time.Second).Failure.Answer)+
				sign(decide(time.Minute).Failure.Answer), "answer the caller")
			require.False(t, c.answer == ifMinute && decide(time.Minute-1).Failure.Answer, "a minute and not less")
			require.True(t, decide(0).Failure.Answer, "no backoff is so short that callers wait through it")
			require.Equal(t, c.holds, decide(0).Failure.Holds, "hold a Renew")
			failure := decide(0).Failure
			require.Equal(t, c.newKey, domain.NewKeyNeeded(domain.Record{Failure: &failure}), "new key")
		})
	}
}

// A repeat in place is for what nobody asked to wait for, and for what the same call may still do.
func TestTransient(t *testing.T) {
	t.Parallel()
	fault := func() *domain.Fault { return domain.NewFault(domain.FaultCA, domain.ReasonUnavailable, nil, "") }
	require.True(t, fault().Transient())
	require.False(t, fault().WithRetryAfter(1).Transient())
	require.False(t, fault().Permanent().Transient())
}

func TestFaultsOfTheCA(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   domain.FaultKind
		reason domain.Reason
		ofCA   bool
	}{
		{domain.FaultRateLimited, domain.ReasonRateLimited, true},
		{domain.FaultWait, domain.ReasonBusy, true},
		{domain.FaultCA, domain.ReasonUnreachable, true},
		{domain.FaultCA, domain.ReasonNotFound, false},
		{domain.FaultCA, domain.ReasonMalformedAnswer, false},
		{domain.FaultName, domain.ReasonCAAForbids, false},
		{domain.FaultOperator, domain.ReasonNotFound, false},
	} {
		require.Equal(t, c.ofCA, domain.NewFault(c.kind, c.reason, nil, "").OfCA(), "%s/%s", c.kind, c.reason)
	}
}

func TestUnanswered(t *testing.T) {
	t.Parallel()
	for _, reason := range []domain.Reason{
		domain.ReasonTemporalUnreachable, domain.ReasonNoWorker, domain.ReasonNoAnswer, domain.ReasonWorkflowNotReady,
		domain.ReasonRunEnded,
	} {
		require.True(t, domain.Unanswered(fmt.Errorf("call: %w", domain.NewFault(domain.FaultWait, reason, nil, ""))),
			reason)
		require.False(t, domain.Unanswered(domain.NewFault(domain.FaultOperator, reason, nil, "")), reason)
	}
	require.False(t, domain.Unanswered(domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, nil, "")),
		"the workflow says so")
	require.False(t, domain.Unanswered(errors.New("crashed")))
	require.False(t, domain.Unanswered(nil))
}
