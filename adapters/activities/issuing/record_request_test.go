package issuing

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// requested is a request as the step gets it.
func requested(kind domain.RequestKind, change ...func(*domain.Request)) ports.RecordRequestInput {
	request := domain.Request{ID: "r1", Kind: kind, At: now}
	for _, c := range change {
		c(&request)
	}
	return ports.RecordRequestInput{Certificate: certName, Request: &request, Before: spec}
}

func forSpec(s domain.Spec) func(*domain.Request) { return func(r *domain.Request) { r.Spec = &s } }

// serving is a record whose certificate is good for spec.
func serving() domain.Record {
	return domain.Record{
		Issued: &domain.Issued{Version: "v1", Issuer: "default", Names: spec.Names, KeyType: spec.KeyType,
			NotBefore: now,
			NotAfter:  now.Add(90 * 24 * time.Hour)},
		Renewal: &domain.RenewalPlan{At: now.Add(60 * 24 * time.Hour)},
	}
}

func (r *rig) reads(record domain.Record) {
	r.certificates.EXPECT().Record(anything, certName).Return(record, nil)
}

func (r *rig) records(stored ports.StoredRequest, record domain.Record) {
	r.recordsAbout(stored, stored.Version, record)
}

// recordsAbout expects a request that was recorded first when the version was in service.
func (r *rig) recordsAbout(stored ports.StoredRequest, version string, record domain.Record) {
	r.certificates.EXPECT().RecordRequest(anything, certName,
		stored).Return(ports.RecordedRequest{Record: record, Version: version}, nil)
}

func TestRecordRequestOnlyReads(t *testing.T) {
	r := newRig(t)
	r.reads(serving())
	out, err := call(r, ports.RecordRequest, ports.RecordRequestInput{Certificate: certName})
	require.NoError(t, err)
	require.Equal(t, "v1", out.Record.Issued.Version)
	require.NotEmpty(t, out.Record.ReadBy)
	require.False(t, out.Needed)
}

func TestRecordEnsure(t *testing.T) {
	wider, delivered := spec, spec
	wider.Names = []string{"a.example.com", "b.example.com", "c.example.com"}
	delivered.Deliveries = []string{"disk"}
	revoked := serving()
	revoked.Revocations = []domain.Revocation{{Issued: *revoked.Issued}}
	done := serving()
	done.Issued.Revoked = true
	unplanned := serving()
	unplanned.Renewal = nil
	for _, c := range []struct {
		name    string
		record  domain.Record
		before  domain.Spec
		spec    domain.Spec
		want    *domain.Want
		changes []string
		needed  bool
	}{
		{"of a new certificate", domain.Record{}, spec, spec, nil, nil, true},
		{"of what is in service", serving(), spec, spec, nil, nil, false},
		{"in another spelling", serving(), domain.Spec{Names: []string{"B.example.com", "a.example.com"}},
			domain.Spec{Names: []string{"A.example.com", "b.example.com"}}, nil, nil, false},
		{"of other names", serving(), spec, wider, nil, []string{"names: added c.example.com"}, true},
		{"of another target", serving(), spec, delivered, nil, []string{"deliveries: added disk"}, false},
		{"while a renewal that was asked for is not obtained yet", serving(), spec, delivered,
			&domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}, []string{"deliveries: added disk"},
			true},
		{"after a renewal that was asked for was obtained", serving(), spec, spec,
			&domain.Want{Reason: domain.WakeRequested, Replaces: "v0"}, nil, false},
		{"corrected back after a change that is not obtained yet", serving(), wider, spec,
			&domain.Want{Reason: domain.WakeChanged, Replaces: "v1"}, []string{"names: removed c.example.com"}, false},
		{"in place of what is revoked", done, spec, spec, &domain.Want{Reason: domain.WakeChanged, Replaces: "v1"},
			nil, true},
		{"of what is in service and not planned yet", unplanned, spec, delivered, nil,
			[]string{"deliveries: added disk"}, false},
		{"of what is to be revoked", revoked, spec, spec, nil, nil, true},
	} {
		for _, kind := range []domain.RequestKind{domain.RequestEnsure, domain.RequestStart} {
			t.Run(c.name+"/"+string(kind), func(t *testing.T) {
				r := newRig(t)
				in := requested(kind, forSpec(c.spec))
				in.Before, in.Want = c.before, c.want
				validated, err := c.spec.Validated()
				require.NoError(t, err)
				stored := *in.Request
				stored.Spec = &validated
				r.reads(c.record)
				r.records(ports.StoredRequest{Request: stored, Changes: c.changes, Fulfilled: !c.needed},
					domain.Record{Retirement: domain.Released})
				out, err := call(r, ports.RecordRequest, in)
				require.NoError(t, err)
				require.Equal(t, c.needed, out.Needed)
				require.Equal(t, c.changes, out.Changes)
				require.Equal(t, &validated, out.Spec)
				require.Equal(t, domain.Released, out.Record.Retirement, "the record after it")
				require.NotEmpty(t, out.Record.ReadBy)
				require.Nil(t, out.Refused)
			})
		}
	}
}

// What is older than what is stored changes nothing, and says what is stored.
func TestRecordSuperseded(t *testing.T) {
	stored := spec
	stored.Names = []string{"later.example.com"}
	for _, kind := range []domain.RequestKind{domain.RequestStart, domain.RequestEnsure, domain.RequestRetire} {
		r := newRig(t)
		in := requested(kind)
		if kind != domain.RequestRetire {
			in = requested(kind, forSpec(spec))
			r.reads(domain.Record{})
		}
		r.certificates.EXPECT().RecordRequest(anything, certName,
			anything).Return(ports.RecordedRequest{Record: serving(), Superseded: true, Stored: &stored,
			Generation: 7}, nil)
		out, err := call(r, ports.RecordRequest, in)
		require.NoError(t, err)
		require.True(t, out.Superseded)
		require.Equal(t, &stored, out.Spec)
		require.EqualValues(t, 7, out.Generation)
		require.Empty(t, out.Changes)
		require.False(t, out.Needed)
	}
}

// What was made from another spec than the stored one is refused, and the answer says what is stored.
func TestRecordConflict(t *testing.T) {
	stored := spec
	stored.Names = []string{"later.example.com"}
	for _, c := range []struct {
		expected, generation int64
		stored               *domain.Spec
		says                 string
	}{
		{2, 3, &stored, "its spec is of generation 3, and generation 2 was expected"},
		{0, 3, &stored, "its spec is of generation 3, and none was expected"},
		{2, 0, nil, "none is stored, and generation 2 was expected"},
		{0, 0, nil, "somebody else asks for it for the first time, too, and none was expected"},
	} {
		r := newRig(t)
		in := requested(domain.RequestEnsure, forSpec(spec),
			func(r *domain.Request) { r.ExpectedGeneration = &c.expected })
		r.reads(domain.Record{})
		r.certificates.EXPECT().RecordRequest(anything, certName,
			anything).Return(ports.RecordedRequest{Conflict: true, Stored: c.stored, Generation: c.generation}, nil)
		out, err := call(r, ports.RecordRequest, in)
		require.NoError(t, err)
		require.Equal(t, domain.FaultSpec, out.Refused.Kind)
		require.Equal(t, domain.ReasonGenerationConflict, out.Refused.Reason)
		require.Contains(t, out.Refused.Message, c.says)
		require.Equal(t, c.stored, out.Spec)
		require.Equal(t, c.generation, out.Generation)
	}
}

// A dry run stores nothing: the mock takes no call of RecordRequest.
func TestRecordDryRun(t *testing.T) {
	wider, delivered := spec, spec
	wider.Names = append(slices.Clone(spec.Names), "c.example.com")
	delivered.Deliveries = []string{"disk"}
	for _, c := range []struct {
		spec    domain.Spec
		changes []string
		needed  bool
	}{
		{spec, nil, false},
		{wider, []string{"names: added c.example.com"}, true},
		{delivered, []string{"deliveries: added disk"}, false},
	} {
		r := newRig(t)
		in := requested(domain.RequestEnsure, forSpec(c.spec), func(r *domain.Request) { r.DryRun = true })
		in.Before = spec
		r.reads(serving())
		out, err := call(r, ports.RecordRequest, in)
		require.NoError(t, err)
		require.Equal(t, c.changes, out.Changes)
		require.Equal(t, c.needed, out.Needed)
		require.NotEmpty(t, out.Record.ReadBy)
		require.Nil(t, out.Spec)
	}
}

func TestRecordRenewAndRetire(t *testing.T) {
	for _, in := range []ports.RecordRequestInput{
		requested(domain.RequestRenew, func(r *domain.Request) { r.Note, r.Force = "now", true }),
		requested(domain.RequestRetire, func(r *domain.Request) { r.RemoveDeliveries = true }),
	} {
		r := newRig(t)
		r.records(ports.StoredRequest{Request: *in.Request}, serving())
		out, err := call(r, ports.RecordRequest, in)
		require.NoError(t, err)
		require.Equal(t, "v1", out.Record.Issued.Version)
	}
}

func TestRecordRevoke(t *testing.T) {
	in := requested(domain.RequestRevoke, func(r *domain.Request) {
		r.Reason, r.SignedBy = domain.RevokedKeyCompromise, domain.SignedByCertificateKey
	})
	for name, c := range map[string]struct {
		pending []domain.Revocation
		needed  bool
	}{
		"to be replaced": {[]domain.Revocation{{Issued: domain.Issued{Version: "v1"}}}, true},
		"not to be replaced": {[]domain.Revocation{{Issued: domain.Issued{Version: "v1"}, WithoutReplacement: true}},
			false},
		"revoked, or run out": {nil, false},
		"another one pending": {[]domain.Revocation{{Issued: domain.Issued{Version: "v0"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			after := serving()
			after.Revocations = c.pending
			r.reads(serving())
			r.records(ports.StoredRequest{Request: *in.Request, Version: "v1"}, after)
			out, err := call(r, ports.RecordRequest, in)
			require.NoError(t, err)
			require.Equal(t, "v1", out.Version)
			require.Equal(t, c.needed, out.Needed)
		})
	}
}

// The answer to a repeat is about the version that the request was recorded for, also if another one is in service by
// now.
func TestRecordRequestRepeated(t *testing.T) {
	after := serving()
	after.Issued.Version = "v2"
	after.Revocations = []domain.Revocation{{Issued: domain.Issued{Version: "v1"}}}
	for kind, stored := range map[domain.RequestKind]string{domain.RequestRenew: "", domain.RequestRevoke: "v2"} {
		t.Run(string(kind), func(t *testing.T) {
			r := newRig(t)
			in := requested(kind)
			if kind == domain.RequestRevoke {
				in.Request.Reason = domain.RevokedSuperseded
				r.reads(after)
			}
			r.recordsAbout(ports.StoredRequest{Request: *in.Request, Version: stored}, "v1", after)
			out, err := call(r, ports.RecordRequest, in)
			require.NoError(t, err)
			require.Equal(t, "v1", out.Version)
			require.False(t, out.Needed, "v1 is replaced")
		})
	}
}

// A workflow of somebody else that continues as new into a certificate's has no request whose name is checked.
func TestRecordRequestReadsNoBadName(t *testing.T) {
	_, err := call(newRig(t), ports.RecordRequest, ports.RecordRequestInput{Certificate: "../../etc/x"})
	wire(t, err, domain.AsFault(domain.ValidateCertificateName("../../etc/x")), false)
}

// What can never be carried out is refused in the answer, before anything is stored.
func TestRecordRequestRefuses(t *testing.T) {
	bad := spec
	bad.Names = []string{"a_b.example.com"}
	named := func(name string) ports.RecordRequestInput {
		in := requested(domain.RequestEnsure, forSpec(spec))
		in.Certificate = name
		return in
	}
	for name, c := range map[string]struct {
		in     ports.RecordRequestInput
		reason domain.Reason
		reads  bool
	}{
		"a name":  {named("../../etc/x"), domain.ReasonCertificateNameDots, false},
		"a spec":  {requested(domain.RequestEnsure, forSpec(bad)), domain.ReasonNameUnderscore, false},
		"no spec": {requested(domain.RequestStart), domain.ReasonNoSpec, false},
		"a note": {requested(domain.RequestRenew, func(r *domain.Request) { r.Note = strings.Repeat("x", 5000) }),
			domain.ReasonNoteTooLong, false},
		"a reason": {requested(domain.RequestRevoke, func(r *domain.Request) { r.Reason = "mood" }),
			domain.ReasonUnknownReason, false},
		"a signer": {requested(domain.RequestRevoke, func(r *domain.Request) { r.SignedBy = "me" }),
			domain.ReasonUnknownSigner, false},
		"a nothing": {requested(domain.RequestRevoke), domain.ReasonNothingToRevoke, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if c.reads {
				r.reads(domain.Record{})
			}
			out, err := call(r, ports.RecordRequest, c.in)
			require.NoError(t, err, "a refusal is an answer")
			require.NotNil(t, out.Refused)
			require.Equal(t, domain.FaultSpec, out.Refused.Kind)
			require.Equal(t, c.reason, out.Refused.Reason)
			require.NotEmpty(t, out.Refused.Message)
			require.Zero(t, out.Record)
		})
	}
}

func TestRecordRequestFaults(t *testing.T) {
	for fault, retryable := range map[*domain.Fault]bool{waitFault: true, operatorFault: false} {
		for name, expect := range map[string]func(*rig) ports.RecordRequestInput{
			"read": func(r *rig) ports.RecordRequestInput {
				r.certificates.EXPECT().Record(anything, certName).Return(domain.Record{}, fault)
				return requested(domain.RequestEnsure, forSpec(spec))
			},
			"only read": func(r *rig) ports.RecordRequestInput {
				r.certificates.EXPECT().Record(anything, certName).Return(domain.Record{}, fault)
				return ports.RecordRequestInput{Certificate: certName}
			},
			"store": func(r *rig) ports.RecordRequestInput {
				r.reads(serving())
				r.certificates.EXPECT().RecordRequest(anything, certName, anything).Return(ports.RecordedRequest{},
					fault)
				return requested(domain.RequestEnsure, forSpec(spec))
			},
		} {
			t.Run(name+"/"+string(fault.Reason), func(t *testing.T) {
				r := newRig(t)
				_, err := call(r, ports.RecordRequest, expect(r))
				wire(t, err, fault, retryable)
			})
		}
	}
}
