package issuing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// RecordRequest checks what a caller asks for, has the policy decide whether a certificate has to be obtained for it,
// and stores it with an event. What can never be carried out is refused in the answer, and nothing is stored.
func (a *Activities) RecordRequest(ctx context.Context,
	in ports.RecordRequestInput) (out ports.RecordRequestOutput, err error) {
	if in.Request == nil {
		if err := domain.ValidateCertificateName(in.Certificate); err != nil {
			return out, err // a run that nobody has started as a certificate's must not get further
		}
		if out.Record, err = a.read(ctx, in.Certificate); err != nil {
			activity.GetLogger(ctx).Warn("record cannot be read", "certificate", in.Certificate, "error", err)
		}
		return out, err
	}
	request := *in.Request
	if request.Spec, err = check(in.Certificate, request); err != nil {
		return refuse(err), nil
	}
	request.Caller = domain.CallerText(request.Caller)
	stored := ports.StoredRequest{Request: request}
	if request.Kind != domain.RequestRenew && request.Kind != domain.RequestRetire && !request.Resume {
		record, err := a.read(ctx, in.Certificate)
		if err != nil {
			return out, err
		}
		if err := prepare(in, record, &stored); err != nil {
			return refuse(err), nil
		}
		if request.Spec != nil {
			switch fault, err := a.unknown(ctx, in, record, stored.Changes); {
			case err != nil:
				return out, err
			case fault != nil:
				return refuse(fault), nil
			}
		}
		if request.DryRun {
			return ports.RecordRequestOutput{Record: record, Changes: stored.Changes, Needed: !stored.Fulfilled}, nil
		}
	}
	recorded, err := a.Certificates.RecordRequest(ctx, in.Certificate, stored)
	if err != nil {
		return out, fmt.Errorf("record request: %w", err)
	}
	record, version := recorded.Record, recorded.Version
	out = ports.RecordRequestOutput{Record: readBy(ctx, record), Spec: request.Spec, Changes: stored.Changes,
		Version: version}
	out.Generation = recorded.Generation
	switch {
	case recorded.Conflict:
		out = refuse(domain.GenerationConflict(in.Certificate, recorded.Generation, *request.ExpectedGeneration))
		out.Spec, out.Generation = recorded.Stored, recorded.Generation
		return out, nil
	case request.Resume && !recorded.Superseded:
		return refuse(domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil,
			"there is no certificate %q: nothing is stored under this name", in.Certificate)), nil
	case recorded.Superseded:
		out.Spec, out.Changes, out.Superseded = recorded.Stored, nil, true
		return out, nil
	}
	switch request.Kind {
	case domain.RequestStart, domain.RequestEnsure:
		out.Needed = !stored.Fulfilled
	case domain.RequestRevoke:
		inService := record.Issued != nil && record.Issued.Version == version // or it is replaced, and this is a repeat
		out.Needed = inService && slices.ContainsFunc(record.Revocations, func(r domain.Revocation) bool {
			return r.Issued.Version == version && !r.WithoutReplacement
		})
	}
	return out, nil
}

func refuse(err error) ports.RecordRequestOutput {
	fault := *domain.AsFault(err)
	fault.Message = fault.Error()
	return ports.RecordRequestOutput{Refused: &fault}
}

// unknown refuses what no process that runs is configured for. What is in force was looked at when it was new.
func (a *Activities) unknown(ctx context.Context, in ports.RecordRequestInput, record domain.Record,
	changes []string) (*domain.Fault, error) {
	before := in.Before
	if in.Generation == 0 && record.Issued == nil { // it is a start's own
		before = domain.Spec{}
	} else if len(changes) == 0 {
		return nil, nil
	}
	processes, err := a.Processes.Processes(ctx)
	if err != nil {
		return nil, fmt.Errorf("read processes: %w", err)
	}
	return Configured(processes, workflowQueue(ctx)).Check(*in.Request.Spec, before), nil
}

// check refuses what is malformed; spec is the one to use.
func check(certificate string, request domain.Request) (spec *domain.Spec, err error) {
	if err := domain.ValidateCertificateName(certificate); err != nil {
		return nil, err
	}
	if err := domain.ValidateNote(request.Note); err != nil {
		return nil, err
	}
	switch {
	case request.Resume:
		return nil, nil
	case request.Kind == domain.RequestRevoke:
		if _, err := request.Reason.Code(); err != nil {
			return nil, err
		}
		return nil, request.SignedBy.Check()
	case request.Kind == domain.RequestRenew, request.Kind == domain.RequestRetire:
		return nil, nil
	default:
		if request.Spec == nil {
			return nil, domain.NewFault(domain.FaultSpec, domain.ReasonNoSpec, nil,
				"spec: none; give the names that the certificate is for")
		}
		validated, err := request.Spec.Validated()
		return &validated, err
	}
}

// prepare compares a request with the record: what changes, whether that is fulfilled, and which version it is about.
func prepare(in ports.RecordRequestInput, record domain.Record, stored *ports.StoredRequest) error {
	if stored.Kind == domain.RequestRevoke {
		if record.Issued == nil {
			return domain.NewFault(domain.FaultSpec, domain.ReasonNothingToRevoke, nil,
				"certificate %q: none is in service yet",
				in.Certificate)
		}
		stored.Version = record.Issued.Version
		return nil
	}
	before := in.Before
	if validated, err := before.Validated(); err == nil {
		before = validated // or the same name would be another one, in another spelling
	}
	stored.Changes = before.Changes(*stored.Spec)
	stored.Fulfilled = !needsAnother(stored.At, record, *stored.Spec, domain.Want{Reason: domain.WakeChanged})
	// What was asked for before and is not obtained yet. A change is judged by the spec, unless what is in service is
	// revoked.
	if in.Want != nil && stored.Fulfilled && (in.Want.Reason != domain.WakeChanged || record.Issued.Revoked) {
		stored.Fulfilled = !needsAnother(stored.At, record, *stored.Spec, *in.Want)
	}
	return nil
}

// needsAnother reports whether another certificate has to be obtained. Where only the plan of the one in service is
// missing, that one serves the spec, and the workflow has it planned anyway.
func needsAnother(at time.Time, record domain.Record, spec domain.Spec, want domain.Want) bool {
	needed, replaces := domain.Needed(at, record, spec, want)
	return needed && (record.Issued == nil || replaces != "")
}

// workflowQueue is the task queue of the workflow whose short step this is: in its own task, or on the authorization
// queue if Postgres was slow.
func workflowQueue(ctx context.Context) string {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity {
		return info.TaskQueue
	}
	return ports.OfAuthorizationTaskQueue(info.TaskQueue)
}
