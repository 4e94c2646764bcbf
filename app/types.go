package app

import (
	"everleaf/adapters/dns01"
	"everleaf/adapters/telemetry"
	"everleaf/domain"
	"everleaf/domain/fields"
	"everleaf/ports"
)

// What cmd shows to people and programs; see package domain and package ports.
type (
	// Spec is what a caller wants of a certificate.
	Spec = domain.Spec
	// KeyType is a certificate key's algorithm and size.
	KeyType = domain.KeyType
	// Status is what a certificate's workflow answers.
	Status = domain.Status
	// Failure is a certificate's last failure.
	Failure = domain.Failure
	// Issued is a certificate in service.
	Issued = domain.Issued
	// RevocationReason is why a certificate is revoked.
	RevocationReason = domain.RevocationReason
	// RevocationSigner is whose key signs a revocation.
	RevocationSigner = domain.RevocationSigner
	// ChallengeType is how control of names is shown.
	ChallengeType = domain.ChallengeType
	// DNSCheck says who must see a DNS record before the CA is asked to validate.
	DNSCheck = dns01.CheckMode
	// KeyRotation is whether a renewal makes a new key.
	KeyRotation = domain.KeyRotation
	// Edit is a change of a part of a spec.
	Edit = domain.Edit
	// EnsureRequest asks for a certificate, on conditions.
	EnsureRequest = ports.EnsureRequest
	// RenewRequest asks for a renewal.
	RenewRequest = ports.RenewRequest
	// RevokeRequest asks for a revocation.
	RevokeRequest = ports.RevokeRequest
	// RetireRequest asks for an end.
	RetireRequest = ports.RetireRequest
	// RenewalPlan says when a certificate is replaced.
	RenewalPlan = domain.RenewalPlan
	// Delivery is how a certificate stands at a target.
	Delivery = domain.Delivery
	// Fault is an error with a kind, a reason and a message for people.
	Fault = domain.Fault
	// Reason is a fault's stable word for programs.
	Reason = domain.Reason
	// Retirement is how far a certificate is retired.
	Retirement = domain.Retirement
	// Phase is one word for where a certificate is.
	Phase = domain.Phase
	// Listed is a certificate as a list shows it.
	Listed = ports.ListedCertificate
	// CertificateFilter chooses certificates for a list.
	CertificateFilter = ports.CertificateFilter
	// Record is a certificate as Postgres has it.
	Record = ports.CertificateRecord
	// QueueChecker knows whether anybody would carry a request out.
	QueueChecker = ports.QueueChecker
	// Process is a running worker process as it describes itself.
	Process = ports.Process
	// Work is a step at work, as Temporal knows it.
	Work = domain.Work
	// Onlooker sees what a workflow is doing without asking it.
	Onlooker = ports.Onlooker
	// Keeper speaks to the workflows.
	Keeper = ports.Keeper
	// Editor is a Keeper for those who change what others change too.
	Editor = ports.Editor
	// Catalog reads Postgres.
	Catalog = ports.Catalog
)

// ProcessGone is how long after its last sign a process counts as gone.
const ProcessGone = ports.ProcessGone

// The reasons by which cmd chooses a hint, an exit code or whether to go on waiting.
const (
	ReasonWildcardNeedsDNS01   = domain.ReasonWildcardNeedsDNS01
	ReasonGenerationConflict   = domain.ReasonGenerationConflict
	ReasonNoAnswer             = domain.ReasonNoAnswer
	ReasonUnknownCertificate   = domain.ReasonUnknownCertificate
	ReasonWorkflowEnded        = domain.ReasonWorkflowEnded
	ReasonTemporalUnreachable  = domain.ReasonTemporalUnreachable
	ReasonQueryFailed          = domain.ReasonQueryFailed
	ReasonNoWorker             = domain.ReasonNoWorker
	ReasonWorkflowNotReady     = domain.ReasonWorkflowNotReady
	ReasonInvalidSetting       = domain.ReasonInvalidSetting
	ReasonInvalidTargets       = domain.ReasonInvalidTargets
	ReasonPostgresURLMalformed = domain.ReasonPostgresURLMalformed
	ReasonSealingKeyMalformed  = domain.ReasonSealingKeyMalformed
	ReasonTemporalSettings     = domain.ReasonTemporalSettings
)

// ThisBuild describes this binary.
func ThisBuild() telemetry.Build { return telemetry.ThisBuild() }

// PhaseNoWorkflow is a certificate that is stored, and that no workflow keeps.
const PhaseNoWorkflow = domain.PhaseNoWorkflow

// PhaseRetiring is a certificate that somebody has retired, while something is left to do.
const PhaseRetiring = domain.PhaseRetiring

// PhaseReleased is a certificate that is retired.
const PhaseReleased = domain.PhaseReleased

// Clearing is a retirement that clears the targets.
const Clearing = domain.Clearing

// AsFault finds the fault in err's chain.
func AsFault(err error) *Fault { return domain.AsFault(err) }

// Nearest is the known name that may be meant by a misspelled one; empty if there is none.
func Nearest(name string, known []string) string { return fields.Nearest(name, known) }

// TenantOf is for whom a certificate is: the spec's tenant, or by default the registered domain of its first name.
func TenantOf(spec Spec) string { return domain.TenantOf(spec) }

// WorkflowID is the ID of the workflow that keeps the certificate called name.
func WorkflowID(name string) string { return ports.WorkflowID(name) }
