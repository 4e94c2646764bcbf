// Package explain puts into words, for people, what the domain has decided.
package explain

import (
	"maps"

	"everleaf/domain"
)

// Remedy says in a sentence who must do what about a fault, so that somebody at a support desk can read it aloud. The
// fault's own message says what happened. challenge is how control of the names was shown, where that is known. A
// reason that is not known here (a newer release's) is answered by its kind.
func Remedy(kind domain.FaultKind, reason domain.Reason, challenge domain.ChallengeType) string {
	if shown, ok := shownBy[challenge]; ok && remedies[reason] == nameShown {
		return shown
	}
	if remedy, ok := kindRemedies[kind][reason]; ok {
		return remedy
	}
	if remedy, ok := remedies[reason]; ok {
		return remedy
	}
	switch kind {
	case domain.FaultRateLimited, domain.FaultWait:
		return waits
	case domain.FaultName:
		return "The name's owner must correct its DNS or its web server."
	case domain.FaultCA:
		return casMove
	case domain.FaultSpec:
		return specMove
	default:
		return "The operator of Everleaf must look at it."
	}
}

// Removal is Remedy for a target that cannot be cleared.
func Removal(kind domain.FaultKind, reason domain.Reason) string {
	if remedy, ok := removals[reason]; ok {
		return remedy
	}
	return Remedy(kind, reason, "")
}

// removals are the sentences that are others where a target cannot be cleared.
var removals = map[domain.Reason]string{
	domain.ReasonTargetRefused: "The target's operator must correct what the message says.",
	domain.ReasonTargetUnavailable: "The target's operator must see that it answers, or correct what the message says; " +
		"Everleaf tries again by itself.",
	domain.ReasonUnknownTarget: "The operator of Everleaf must configure the target at a delivery worker until it is " +
		"cleared.",
	domain.ReasonStepTimedOut: "The operator of Everleaf must run a delivery worker on the task queue that the message " +
		"names until the target is cleared.",
}

// Sentences that hold for many reasons.
const (
	waits = "Nobody has to do anything: Everleaf tries again by itself."

	served = "must send its port 80, path /.well-known/acme-challenge/, to Everleaf's responder, from all over the " +
		"world and at each of " +
		"its addresses."
	nameServed = "The name's owner " + served
	delegated  = "_acme-challenge record must lead to Everleaf's zone, which is for the name's owner to see to, and all " +
		"name servers of that zone must answer alike, which is for their operator."
	nameShown = "With http-01: the name's owner " + served + " With dns-01: the name's " + delegated
	nameMove  = "The caller must leave this name out, or replace it by one that a CA may certify."
	specMove  = "The caller must correct what was asked for, and ask again (everleaf cert " +
		"ensure)."
	callMove = "The caller must correct the call."

	casMove = "The CA must correct it; Everleaf tries again by itself. If it lasts, look at the CA's status page or " +
		"name a second issuer."
	casAnswer = "The CA answered what it must not; the operator of Everleaf should inform the CA, and name a second " +
		"issuer meanwhile."
	accountMove = "The operator of Everleaf must look at the ACME account of this issuer (everleaf account list)."
	reportMove  = "The operator of Everleaf should report this: it is not meant to happen."

	settingMove = "The operator of Everleaf must correct the setting that the message names, and start the process " +
		"again."
	databaseMove = "The operator of Everleaf must look at Postgres: the message says what it refuses."
	schemaMove   = "The operator of Everleaf must bring schema and binary together: everleaf migrate, or the newer " +
		"binary."
	otherDatabase = "The operator of Everleaf must make sure that the workers use the database that they used before, " +
		"restored whole."
	temporalMove = "The operator of Everleaf must look at Temporal: address, namespace and credentials, or at the " +
		"server itself."
	workerMove = "The operator of Everleaf must look at the workers: their log says why they do not run."
	targetMove = "The target's operator must correct it: the message says what it answered; the certificate in " +
		"place there stays until then."
	movedMove = "The operator of Everleaf must find out who has changed rows in the database, and restore them from a " +
		"backup; a certificate's key is also replaced by everleaf cert renew."
	backupMove = "The operator of Everleaf must restore the damaged row from a backup; a certificate's key is also " +
		"replaced by everleaf cert renew."
)

// kindRemedies are for reasons that mean something else under this kind.
var kindRemedies = map[domain.FaultKind]map[domain.Reason]string{
	domain.FaultCA: {domain.ReasonTLSFailed: "The operator of Everleaf must give the CA's root as the issuer's CA " +
		"bundle if the CA is private; else the CA must correct its certificate."},
}

// shownBy are the sentences about names whose control was not shown, where it is known how it was tried.
var shownBy = map[domain.ChallengeType]string{
	domain.ChallengeHTTP01: nameServed,
	domain.ChallengeDNS01:  "The name's " + delegated,
}

// remedies are the sentences by reason.
var remedies = func() map[domain.Reason]string {
	all := maps.Clone(own)
	for _, s := range shared {
		for _, reason := range s.reasons {
			all[reason] = s.remedy
		}
	}
	return all
}()

// shared are the sentences that hold for many reasons.
var shared = []struct {
	remedy  string
	reasons []domain.Reason
}{
	{waits, []domain.Reason{
		domain.ReasonAccountBusy, domain.ReasonAuthorizationExpired, domain.ReasonBusy, domain.ReasonNoAnswer,
		domain.ReasonNotIssuedYet, domain.ReasonOrderAbandoned, domain.ReasonOrderExpired, domain.ReasonOrderInFlight,
		domain.ReasonRunEnded, domain.ReasonStepTimedOut, domain.ReasonTooManyCallers, domain.ReasonVersionReplaced,
		domain.ReasonWorkerStopping,
		domain.ReasonWorkflowNotReady,
	}},
	{workerMove, []domain.Reason{
		domain.ReasonNoPoller, domain.ReasonNoWorker, domain.ReasonPollStuck, domain.ReasonWorkerFailed,
		domain.ReasonWorkerNotStarted, domain.ReasonPullNotAnswering, domain.ReasonResponderNotAnswering,
		domain.ReasonQueryFailed,
		domain.ReasonUnknownOperation,
	}},
	{temporalMove, []domain.Reason{
		domain.ReasonTemporalUnreachable, domain.ReasonScheduleRefused, domain.ReasonSearchAttributesConflict,
		domain.ReasonSearchAttributesRefused, domain.ReasonTemporalError, domain.ReasonTemporalRefused,
		domain.ReasonUnknownNamespace,
	}},
	{nameShown, []domain.Reason{
		domain.ReasonAuthorizationFailed, domain.ReasonChallengeFailed, domain.ReasonChallengeIncorrect,
		domain.ReasonChallengeNotVisible, domain.ReasonChallengeUnauthorized,
	}},
	{nameServed, []domain.Reason{
		domain.ReasonConnectionFailed,
	}},
	{nameMove, []domain.Reason{
		domain.ReasonNameRejected, domain.ReasonNameUnsupported, domain.ReasonNameUnusable, domain.ReasonNameCharacter,
		domain.ReasonNameEmpty, domain.ReasonNameEmptyLabel, domain.ReasonNameHasPort, domain.ReasonNameHyphenEdge,
		domain.ReasonNameIsIP, domain.ReasonNameIsURL, domain.ReasonNameLabelTooLong, domain.ReasonNameNotIDNA,
		domain.ReasonNameNumericTLD, domain.ReasonNamePublicSuffix, domain.ReasonNamePunycode,
		domain.ReasonNameReservedLabel, domain.ReasonNameSingleLabel, domain.ReasonNameSpaces, domain.ReasonNameTooLong,
		domain.ReasonNameNotUTF8, domain.ReasonNameTrailingDot, domain.ReasonNameUnderscore,
		domain.ReasonWildcardPlacement,
	}},
	{casMove, []domain.Reason{
		domain.ReasonBadNonce, domain.ReasonNotAnswering, domain.ReasonNotFound, domain.ReasonOrderNotIssued,
		domain.ReasonOrderStuck, domain.ReasonServerError, domain.ReasonTimeout, domain.ReasonUnavailable,
		domain.ReasonUnexpectedAnswer,
		domain.ReasonUnreachable,
	}},
	{casAnswer, []domain.Reason{
		domain.ReasonCertificateChainBroken, domain.ReasonCertificateKeyMismatch, domain.ReasonCertificateMalformed,
		domain.ReasonCertificateNamesMismatch, domain.ReasonMalformedAnswer,
	}},
	{accountMove, []domain.Reason{
		domain.ReasonAccountDoesNotExist, domain.ReasonAccountKeyUnreadable, domain.ReasonInvalidContact,
		domain.ReasonRolloverUnsupported, domain.ReasonUnauthorized, domain.ReasonUnknownAccount,
		domain.ReasonUnsupportedContact,
	}},
	{reportMove, []domain.Reason{
		domain.ReasonBadSignatureAlgorithm, domain.ReasonRequestMalformed, domain.ReasonKeyNotMade,
		domain.ReasonUnexpected,
	}},
	{backupMove, []domain.Reason{
		domain.ReasonCSRMalformed, domain.ReasonCertificateKeyUnreadable, domain.ReasonCertificateUnreadable,
		domain.ReasonChainMalformed, domain.ReasonKeyUnreadable, domain.ReasonSecretDamaged,
		domain.ReasonSecretsUnreadable,
	}},
	{settingMove, []domain.Reason{
		domain.ReasonSealingKeyMalformed, domain.ReasonInvalidSetting, domain.ReasonInvalidTargets,
		domain.ReasonPostgresURLMalformed, domain.ReasonTemporalSettings, domain.ReasonListenFailed,
		domain.ReasonResourcesUnreadable,
	}},
	{otherDatabase, []domain.Reason{
		domain.ReasonUnknownOrder, domain.ReasonUnknownVersion,
	}},
	{databaseMove, []domain.Reason{
		domain.ReasonDatabaseError, domain.ReasonDatabaseRefused, domain.ReasonDatabaseUnreachable,
		domain.ReasonMigrationFailed,
	}},
	{schemaMove, []domain.Reason{
		domain.ReasonSchemaTooNew, domain.ReasonSchemaTooOld,
	}},
	{targetMove, []domain.Reason{
		domain.ReasonTargetRefused,
	}},
	{specMove, []domain.Reason{
		domain.ReasonCertificateNameCharacter, domain.ReasonCertificateNameDots, domain.ReasonCertificateNameEmpty,
		domain.ReasonCertificateNameHyphenEdge, domain.ReasonCertificateNameTooLong, domain.ReasonDeliveryName,
		domain.ReasonDuplicateDelivery, domain.ReasonDuplicateIssuer, domain.ReasonDuplicateName,
		domain.ReasonFleetName, domain.ReasonSpecFile,
		domain.ReasonIssuerName, domain.ReasonNoNames, domain.ReasonProfileName, domain.ReasonSpecTooLarge,
		domain.ReasonTenantName, domain.ReasonTooManyDeliveries, domain.ReasonTooManyIssuers, domain.ReasonTooManyNames,
		domain.ReasonUnknownChallenge, domain.ReasonUnknownKeyRotation, domain.ReasonUnknownKeyType,
	}},
	{callMove, []domain.Reason{
		domain.ReasonInputMalformed, domain.ReasonInputTooLarge, domain.ReasonNoSpec, domain.ReasonNoteCharacter,
		domain.ReasonNoteTooLong, domain.ReasonUnknownRequest, domain.ReasonNotRetired, domain.ReasonUnknownReason,
		domain.ReasonStartOptions, domain.ReasonUnknownField, domain.ReasonUnknownSigner, domain.ReasonWorkflowID,
	}},
}
