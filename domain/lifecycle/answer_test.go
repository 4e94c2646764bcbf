package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestAnswer(t *testing.T) {
	t.Parallel()
	ticket := func(kind domain.RequestKind, change func(t *Ticket)) func(m *Machine) {
		return func(m *Machine) {
			t := Ticket{Request: domain.Request{ID: "r2", Kind: kind}, Recorded: true, Version: "v1"}
			if change != nil {
				change(&t)
			}
			m.Tickets = append(m.Tickets, t)
		}
	}
	also := func(changes ...func(m *Machine)) func(m *Machine) {
		return func(m *Machine) {
			for _, change := range changes {
				change(m)
			}
		}
	}
	mode := func(mode Mode) func(m *Machine) { return func(m *Machine) { m.Mode = mode } }
	failure := func(change func(f *domain.Failure)) func(m *Machine) {
		return func(m *Machine) {
			m.Failure = failing(time.Minute)
			change(m.Failure)
		}
	}
	answered := func(f *domain.Failure) { f.Answer = true }
	quiet := func(*domain.Failure) {}
	revoking := func(version string, change func(r *domain.Revocation)) func(m *Machine) {
		return func(m *Machine) { m.Record.Revocations = pending(version, change) }
	}
	ensure, renew := ticket(domain.RequestEnsure, nil), ticket(domain.RequestRenew, nil)
	revoke, retire := ticket(domain.RequestRevoke, nil), ticket(domain.RequestRetire, nil)
	clearing := ticket(domain.RequestRetire, func(t *Ticket) { t.Request.RemoveDeliveries = true })
	for _, c := range []struct {
		name      string
		machine   func(m *Machine)
		situation Situation
		// want is "wait", "ok", "failure", or the reason of a fault.
		want string
	}{
		{"not one of this run", func(*Machine) {}, Situation{}, "UnknownRequest"},
		{"not recorded", ticket(domain.RequestEnsure, func(t *Ticket) { t.Recorded = false }), Situation{}, "wait"},
		{"refused", ticket(domain.RequestEnsure, func(t *Ticket) { t.Fault = fault(domain.FaultSpec, "No") }),
			Situation{}, "No"},
		{"the start was refused", also(ensure,
			func(m *Machine) { m.Mode, m.Refusal = Refused, fault(domain.FaultSpec, "No") }), Situation{}, "No"},

		{"in service", ensure, Situation{}, "ok"},
		{"an attempt", also(ensure, func(m *Machine) { m.Attempt = &Attempt{} }), Situation{}, "wait"},
		{"an attempt comes", also(renew, func(m *Machine) { m.Want = &domain.Want{} }), Situation{}, "wait"},
		{"none in service", also(ensure, func(m *Machine) { m.Record.Issued = nil }), Situation{}, "wait"},
		{"the record is stale", also(ensure, (*Machine).Notice), Situation{}, "wait"},
		{"the record cannot be read", also(ensure, (*Machine).Notice, func(m *Machine) {
			m.Unread = &Unread{Tries: maxFailures, Fault: *fault(domain.FaultWait, "Away")}
		}), Situation{}, "Away"},
		{"the record is tried to be read", also(ensure, (*Machine).Notice, func(m *Machine) {
			m.Unread = &Unread{Tries: maxFailures - 1, Fault: *fault(domain.FaultWait, "Away")}
		}), Situation{}, "wait"},
		{"a renewal is due", also(ensure, func(m *Machine) { m.Record.Renewal.At = epoch }), Situation{}, "ok"},
		{"a failure to wait for", also(renew, failure(quiet)), Situation{}, "wait"},
		{"a failure to be answered", also(renew, failure(answered)), Situation{}, "failure"},
		{"a failure whose wait is over", also(renew, failure(answered), func(m *Machine) { m.Failure.RetryAt = epoch }),
			Situation{}, "wait"},
		{"too many failures", also(renew, failure(quiet), func(m *Machine) { m.Failures = maxFailures }), Situation{},
			"failure"},
		{"failures of before", also(ticket(domain.RequestRenew, func(t *Ticket) { t.Failures = 1 }), failure(quiet),
			func(m *Machine) {
				m.Failures = maxFailures
			}), Situation{}, "wait"},
		{"the history is long", also(renew, failure(quiet)), Situation{Suggested: true}, "failure"},
		{"retired meanwhile", also(renew, mode(Retiring)), Situation{}, "Retired"},
		{"cancelled meanwhile", also(renew, mode(Cancelled)), Situation{}, "Retired"},
		{"cancelled before it was recorded", also(ticket(domain.RequestEnsure, func(t *Ticket) { t.Recorded = false }),
			mode(Ended)), Situation{}, "Retired"},
		{"cancelled while it is recorded", also(ticket(domain.RequestEnsure, func(t *Ticket) { t.Recorded = false }),
			mode(Cancelled), func(m *Machine) {
				m.Running = []Action{{Step: StepRecordRequest, Request: "r2"}}
			}), Situation{}, "wait"},

		{"revoked", revoke, Situation{}, "ok"},
		{"nobody knows yet", also(revoke, (*Machine).Notice), Situation{}, "wait"},
		{"not replaced yet", also(revoke, revoking("v1", nil)), Situation{}, "wait"},
		{"not replaced: it failed", also(revoke, revoking("v1", nil), failure(answered)), Situation{}, "failure"},
		{"none in service, and it failed", also(revoke, revoking("v1", nil), failure(answered),
			func(m *Machine) { m.Record.Issued = nil }), Situation{}, "failure"},
		{"without replacement", also(revoke, revoking("v1",
			func(r *domain.Revocation) { r.WithoutReplacement = true })), Situation{}, "wait"},
		{"replaced", also(ticket(domain.RequestRevoke, func(t *Ticket) { t.Version = "v0" }), revoking("v0", nil)),
			Situation{}, "wait"},
		{"replaced, and a target is behind", also(ticket(domain.RequestRevoke, func(t *Ticket) { t.Version = "v0" }),
			func(m *Machine) {
				m.Deliveries[0].Version = "v0"
				m.Record.Revocations = pending("v0", func(r *domain.Revocation) { r.After = epoch.Add(time.Hour) })
			}), Situation{}, "ReplacementNotDelivered"},
		{"replaced, and a target is tried", also(ticket(domain.RequestRevoke, func(t *Ticket) { t.Version = "v0" }),
			func(m *Machine) {
				m.Deliveries[0].Version = "v0"
				m.Record.Revocations = pending("v0", func(r *domain.Revocation) { r.After = epoch.Add(time.Hour) })
				m.Running = []Action{{Step: StepDeliver, Target: "t1"}}
			}), Situation{}, "wait"},
		{"the revocation failed", also(revoke,
			revoking("v1", func(r *domain.Revocation) { r.Failure = failing(time.Hour) })), Situation{}, "failure"},

		{"ensured again", retire, Situation{}, "NotRetired"},
		{"retiring", also(retire, mode(Retiring)), Situation{}, "wait"},
		{"retiring, and something failed", also(retire, mode(Clearing),
			func(m *Machine) { m.Deliveries[0].Failure = failing(time.Hour) }), Situation{}, "failure"},
		{"retiring, and something failed, but more is tried", also(retire, mode(Clearing), func(m *Machine) {
			m.Deliveries[0].Failure, m.Running = failing(time.Hour), []Action{{Step: StepRevoke}}
		}), Situation{}, "wait"},
		{"retired", also(retire, mode(Retired)), Situation{}, "ok"},
		{"retired, and targets keep it", also(clearing, mode(Retired)), Situation{}, "StillDelivered"},
		{"retired and cleared", also(clearing, mode(Retired), func(m *Machine) { m.Record.Deliveries = nil }),
			Situation{}, "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.situation.Now = epoch
			got := serving(c.machine).Answer("r2", c.situation)
			switch {
			case got.Wait:
				require.Equal(t, c.want, "wait")
				require.Equal(t, Answer{Wait: true}, got)
			case got.Failure != nil:
				require.Equal(t, c.want, "failure")
				require.Nil(t, got.Fault)
			case got.Fault != nil:
				require.Equal(t, c.want, string(got.Fault.Reason))
				require.NotEmpty(t, got.Fault.Message)
			default:
				require.Equal(t, c.want, "ok")
			}
		})
	}
}
