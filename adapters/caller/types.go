package caller

import (
	"everleaf/domain"
	"everleaf/ports"
)

// The contract's types, so that one import is enough; see package domain and package ports.
type (
	// Spec is what a service wants of a certificate; only Names is required.
	Spec = domain.Spec
	// KeyType is a certificate key's algorithm and size.
	KeyType = domain.KeyType
	// ChallengeType is how control of the names is shown.
	ChallengeType = domain.ChallengeType
	// RevocationReason is why a certificate is revoked.
	RevocationReason = domain.RevocationReason
	// Status is where a certificate is.
	Status = domain.Status
	// Phase is one word for that.
	Phase = domain.Phase
	// Issued is a certificate in service.
	Issued = domain.Issued
	// RenewalPlan says when it is replaced.
	RenewalPlan = domain.RenewalPlan
	// Failure is the last attempt's failure.
	Failure = domain.Failure
	// Fault is the error of every call.
	Fault = domain.Fault
	// FaultKind says whose move is next.
	FaultKind = domain.FaultKind
	// StartInput is the workflow's input.
	StartInput = ports.StartInput
	// EnsureRequest is the argument of the update Ensure.
	EnsureRequest = ports.EnsureRequest
	// RenewRequest is the argument of the update Renew.
	RenewRequest = ports.RenewRequest
	// RevokeRequest is the argument of the update Revoke.
	RevokeRequest = ports.RevokeRequest
	// RetireRequest is the argument of the update Retire.
	RetireRequest = ports.RetireRequest
	// RevocationSigner is whose key signs a revocation.
	RevocationSigner = domain.RevocationSigner
	// KeyRotation is whether a renewal makes a new key.
	KeyRotation = domain.KeyRotation
	// Work is a step that the workflow waits for.
	Work = domain.Work
	// Delivery is how a certificate stands at a target.
	Delivery = domain.Delivery
	// NexusEnsure is the input of the Nexus operation Ensure.
	NexusEnsure = ports.NexusEnsure
	// NexusRenew is the input of the Nexus operation Renew.
	NexusRenew = ports.NexusRenew
	// NexusRevoke is the input of the Nexus operation Revoke.
	NexusRevoke = ports.NexusRevoke
	// NexusRetire is the input of the Nexus operation Retire.
	NexusRetire = ports.NexusRetire
	// NexusStatus is the input of the Nexus operation Status.
	NexusStatus = ports.NexusStatus
)

// The values that a spec, a status and a fault take.
const (
	KeyECDSAP256 = domain.KeyECDSAP256
	KeyECDSAP384 = domain.KeyECDSAP384
	KeyRSA2048   = domain.KeyRSA2048
	KeyRSA3072   = domain.KeyRSA3072
	KeyRSA4096   = domain.KeyRSA4096

	ChallengeHTTP01 = domain.ChallengeHTTP01
	ChallengeDNS01  = domain.ChallengeDNS01

	RevokedUnspecified          = domain.RevokedUnspecified
	RevokedKeyCompromise        = domain.RevokedKeyCompromise
	RevokedAffiliationChanged   = domain.RevokedAffiliationChanged
	RevokedSuperseded           = domain.RevokedSuperseded
	RevokedCessationOfOperation = domain.RevokedCessationOfOperation

	SignedByAccount        = domain.SignedByAccount
	SignedByCertificateKey = domain.SignedByCertificateKey

	RotateAlways = domain.RotateAlways
	RotateNever  = domain.RotateNever

	PhaseIssuing  = domain.PhaseIssuing
	PhaseReady    = domain.PhaseReady
	PhaseFailing  = domain.PhaseFailing
	PhaseChecking = domain.PhaseChecking
	PhaseRetiring = domain.PhaseRetiring
	PhaseReleased = domain.PhaseReleased

	FaultRateLimited = domain.FaultRateLimited
	FaultWait        = domain.FaultWait
	FaultName        = domain.FaultName
	FaultCA          = domain.FaultCA
	FaultOperator    = domain.FaultOperator
	FaultSpec        = domain.FaultSpec
)

// The contract's names, for a service that uses Temporal's client itself.
const (
	TaskQueue           = ports.TaskQueue
	CertificateWorkflow = ports.CertificateWorkflow
	WorkflowIDPrefix    = ports.WorkflowIDPrefix
	EnsureUpdate        = ports.EnsureUpdate
	RenewUpdate         = ports.RenewUpdate
	RevokeUpdate        = ports.RevokeUpdate
	RetireUpdate        = ports.RetireUpdate
	StatusQuery         = ports.StatusQuery

	NexusService         = ports.NexusService
	NexusEnsureOperation = ports.NexusEnsureOperation
	NexusRenewOperation  = ports.NexusRenewOperation
	NexusRevokeOperation = ports.NexusRevokeOperation
	NexusRetireOperation = ports.NexusRetireOperation
	NexusStatusOperation = ports.NexusStatusOperation
)

// WorkflowID is the ID of the workflow that keeps the certificate called name.
func WorkflowID(name string) string { return ports.WorkflowID(name) }

// AsFault finds the fault in err's chain. An error that is none is the operator's: it was not foreseen.
func AsFault(err error) *Fault { return domain.AsFault(err) }
