package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// service is a record with a certificate in service that fulfils forOne, and a renewal an hour from noon.
func service(change func(r *domain.Record)) domain.Record {
	r := domain.Record{
		Issued: &domain.Issued{Version: "v2", Issuer: "default", Names: []string{"a.example.com"},
			KeyType:   domain.KeyECDSAP256,
			NotBefore: noon.Add(-60 * day), NotAfter: noon.Add(30 * day)},
		Renewal: &domain.RenewalPlan{At: noon.Add(time.Hour)},
	}
	if change != nil {
		change(&r)
	}
	return r
}

var forOne = domain.Spec{Names: []string{"a.example.com"}}

func revoking(version string, change func(r *domain.Revocation)) []domain.Revocation {
	r := domain.Revocation{Issued: domain.Issued{Version: version}}
	if change != nil {
		change(&r)
	}
	return []domain.Revocation{r}
}

func without(r *domain.Revocation)     { r.WithoutReplacement = true }
func compromised(r *domain.Revocation) { r.Reason = domain.RevokedKeyCompromise }

func TestNeeded(t *testing.T) {
	t.Parallel()
	failing := func(retry time.Duration) func(*domain.Record) {
		return func(r *domain.Record) { r.Failure = &domain.Failure{RetryAt: noon.Add(retry), Holds: true} }
	}
	first := domain.Record{}
	failed := domain.Record{Failure: &domain.Failure{RetryAt: noon.Add(time.Hour)}}
	read, none := domain.Want{Reason: domain.WakeRead}, domain.Want{}
	planned := func(at time.Duration) domain.Record {
		return service(func(r *domain.Record) { r.Renewal.At = noon.Add(at) })
	}
	asked := func(reason, replaces string) domain.Want { return domain.Want{Reason: reason, Replaces: replaces} }
	for _, c := range []struct {
		name     string
		record   domain.Record
		spec     domain.Spec
		want     domain.Want
		needed   bool
		replaces string
	}{
		{"none in service", first, forOne, read, true, ""},
		{"none in service, and asked for", first, forOne, asked(domain.WakeNotIssued, ""), true, ""},
		{"none in service, revocations are left", domain.Record{Revocations: revoking("v1", nil)}, forOne, read, true,
			""},
		{"all is well", service(nil), forOne, read, false, ""},
		{"all is well, and nobody asks", service(nil), forOne, none, false, ""},
		{"a change that needs none", service(nil), forOne, asked(domain.WakeChanged, ""), false, ""},

		{"another name", service(nil), domain.Spec{Names: []string{"b.example.com"}}, read, true, "v2"},
		{"another name, the renewal is not planned", service(func(r *domain.Record) { r.Renewal = nil }),
			domain.Spec{Names: []string{"b.example.com"}}, read, true, "v2"},
		{"another key type", service(nil), domain.Spec{Names: forOne.Names, KeyType: domain.KeyRSA2048},
			asked(domain.WakeChanged, ""), true, "v2"},

		{"somebody asked", service(nil), forOne, asked(domain.WakeRequested, "v2"), true, "v2"},
		{"somebody asked for what is replaced already", service(nil), forOne, asked(domain.WakeRequested, "v1"), false,
			""},
		{"the next try of what somebody asked for", service(nil), forOne, asked(domain.WakeRetry, "v2"), true, "v2"},
		{"what is replaced was to be revoked", service(nil), forOne, asked(domain.WakeRevocation, "v2"), true, "v2"},
		{"a read asks for nothing", service(nil), forOne, asked(domain.WakeRead, "v2"), false, ""},

		{"due", planned(0), forOne, read, true, "v2"},
		{"due, by what the workflow remembers", planned(0), forOne, asked(domain.WakeRenewal, "v2"), true, "v2"},
		{"not due yet", planned(1), forOne, read, false, ""},
		{"its plan has moved", planned(1), forOne, asked(domain.WakeRenewal, "v2"), false, ""},
		{"overdue", planned(-day), forOne, read, true, "v2"},

		{"unplanned", service(func(r *domain.Record) { r.Renewal = nil }), forOne, read, true, ""},
		{"unplanned, as the workflow knows", service(func(r *domain.Record) { r.Renewal = nil }), forOne,
			asked(domain.WakeUnplanned, ""), true, ""},

		{"to be revoked", service(func(r *domain.Record) { r.Revocations = revoking("v2", nil) }), forOne, read, true,
			"v2"},
		{"to be revoked without a replacement",
			service(func(r *domain.Record) { r.Revocations = revoking("v2", without) }), forOne, read, false, ""},
		{"revoked without a replacement", service(func(r *domain.Record) { r.Issued.Revoked = true }), forOne, read,
			false, ""},
		{"the one before is to be revoked", service(func(r *domain.Record) { r.Revocations = revoking("v1", nil) }),
			forOne, read, false, ""},
		{"the one before is compromised", service(func(r *domain.Record) {
			r.Revocations = revoking("v1",
				compromised)
		}), forOne, read, false, ""},
		{"retired", service(func(r *domain.Record) { r.Retirement = domain.Released }), forOne, read, false, ""},
		{"retired and revoked, and wanted again",
			service(func(r *domain.Record) { r.Retirement, r.Issued.Revoked = domain.Released, true }), forOne, read,
			true, "v2"},
		{"retired and to be revoked, and wanted again",
			service(func(r *domain.Record) { r.Retirement, r.Revocations = domain.Released, revoking("v2", without) }),
			forOne, asked(domain.WakeChanged, ""), true, "v2"},

		{"a failure holds", failed, forOne, read, false, ""},
		{"a failure holds, and nobody asks", failed, forOne, none, false, ""},
		{"a failure holds what is due", service(func(r *domain.Record) { failing(1)(r); r.Renewal.At = noon }), forOne,
			read, false, ""},
		{"a failure holds what is unplanned", service(func(r *domain.Record) { failing(1)(r); r.Renewal = nil }),
			forOne, read, false, ""},
		{"a failure does not hold what was asked for", service(failing(1)), forOne, asked(domain.WakeRequested, "v2"),
			true, "v2"},
		{"a failure does not hold a changed spec", failed, forOne, asked(domain.WakeChanged, ""), true, ""},
		{"the next try is due", service(func(r *domain.Record) { failing(0)(r); r.Renewal.At = noon }), forOne, read,
			true, "v2"},
		{"the next try is due, and nothing else", service(failing(0)), forOne, read, false, ""},
	} {
		needed, replaces := domain.Needed(noon, c.record, c.spec, c.want)
		require.Equal(t, c.needed, needed, c.name)
		require.Equal(t, c.replaces, replaces, c.name)
	}
}

// What is needed is needed no more when the certificate was obtained: no reason leads to one order after the other.
func TestNeededComesToAnEnd(t *testing.T) {
	t.Parallel()
	record := service(func(r *domain.Record) { r.Revocations = revoking("v2", compromised) })
	spec := domain.Spec{Names: []string{"b.example.com"}}
	want := domain.Want{Reason: domain.WakeRequested, Replaces: "v2"}
	needed, replaces := domain.Needed(noon, record, spec, want)
	require.True(t, needed)
	require.Equal(t, "v2", replaces)
	record.Issued = &domain.Issued{Version: "v3", Issuer: "default", Names: spec.Names, KeyType: domain.KeyECDSAP256,
		NotBefore: noon, NotAfter: noon.Add(90 * day)}
	needed, _ = domain.Needed(noon, record, spec, want)
	require.False(t, needed)
	require.True(t, domain.NewKeyNeeded(record), "until the compromised one is revoked")
}

func TestNewKeyNeeded(t *testing.T) {
	t.Parallel()
	failure := func(reason domain.Reason) func(*domain.Record) {
		return func(r *domain.Record) {
			r.Failure = &domain.Failure{Fault: domain.Fault{Kind: domain.FaultOperator, Reason: reason}}
		}
	}
	for _, c := range []struct {
		name   string
		record domain.Record
		want   bool
	}{
		{"nothing is stored", domain.Record{}, false},
		{"all is well", service(nil), false},
		{"revoked", service(func(r *domain.Record) { r.Issued.Revoked = true }), true},
		{"the CA refused the CSR", service(failure(domain.ReasonBadCSR)), true},
		{"the CA refused the key, and none is in service", domain.Record{Failure: &domain.Failure{Fault: domain.Fault{
			Kind: domain.FaultOperator, Reason: domain.ReasonBadPublicKey}}}, true},
		{"another failure", service(failure(domain.ReasonUnauthorized)), false},
		{"compromised", service(func(r *domain.Record) { r.Revocations = revoking("v2", compromised) }), true},
		{"an earlier one is compromised: they may share the key",
			service(func(r *domain.Record) { r.Revocations = revoking("v1", compromised) }), true},
		{"compromised, and none is in service", domain.Record{Revocations: revoking("v1", compromised)}, true},
		{"to be revoked for another reason", service(func(r *domain.Record) { r.Revocations = revoking("v2", nil) }),
			false},
		{"the second is compromised", service(func(r *domain.Record) {
			r.Revocations = append(revoking("v0", nil),
				revoking("v1", compromised)...)
		}), true},
	} {
		require.Equal(t, c.want, domain.NewKeyNeeded(c.record), c.name)
	}
}
