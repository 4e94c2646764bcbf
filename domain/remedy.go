package domain

// Remedy says in a sentence who must do what about a fault, so that somebody at a support desk can read it aloud. The
// fault's own message says what happened. A reason that is not known here (a newer release's) is answered by its kind.
func Remedy(kind FaultKind, reason string) string {
	if remedy, ok := kindRemedies[kind][reason]; ok {
		return remedy
	}
	if remedy, ok := remedies[reason]; ok {
		return remedy
	}
	switch kind {
	case FaultRateLimited, FaultWait:
		return waits
	case FaultName:
		return "Whoever owns the name must mend its DNS or its web server."
	case FaultCA:
		return casMove
	case FaultSpec:
		return specMove
	default:
		return "Whoever runs Everleaf must look at it."
	}
}

// Sentences that hold for many reasons.
const (
	waits = "Nobody has to do anything: Everleaf tries again by itself."

	served = "must send its port 80, path /.well-known/acme-challenge/, to Everleaf's responder, from all over the world and at each of " +
		"its addresses."
	nameServed = "Whoever owns the name " + served
	nameShown  = "With http-01: whoever owns the name " + served + " With dns-01: the name's _acme-challenge record must lead to Everleaf's zone, which is for " +
		"whoever owns the name to see to, and all name servers of that zone must answer alike, which is for whoever runs them."
	nameMove = "Whoever asked for the certificate must leave this name out, or replace it by one that a CA may certify."
	specMove = "Whoever asked for the certificate must correct what was asked for, and ask again (everleaf cert ensure)."
	callMove = "Whoever called must correct the call."

	casMove     = "The CA must mend it; Everleaf tries again by itself. If it lasts, look at the CA's status page or name a second issuer."
	casAnswer   = "The CA answered what it must not; whoever runs Everleaf should tell the CA, and name a second issuer meanwhile."
	accountMove = "Whoever runs Everleaf must look at the ACME account of this issuer (everleaf account list)."
	reportMove  = "Whoever runs Everleaf should report this: it is not meant to happen."

	settingMove   = "Whoever runs Everleaf must correct the setting that the message names, and start the process again."
	databaseMove  = "Whoever runs Everleaf must look at Postgres: the message says what it refuses."
	schemaMove    = "Whoever runs Everleaf must bring schema and binary together: everleaf migrate, or the newer binary."
	otherDatabase = "Whoever runs Everleaf must make sure that the workers use the database that they used before, restored whole."
	temporalMove  = "Whoever runs Everleaf must look at Temporal: address, namespace and credentials, or at the server itself."
	workerMove    = "Whoever runs Everleaf must look at the workers: their log says why they do not run."
	targetMove    = "Whoever runs the target must mend it: the message says what it answered; the certificate in place there stays until then."
	backupMove    = "Whoever runs Everleaf must restore the damaged row from a backup; a certificate's key is also replaced by everleaf cert renew."
)

// kindRemedies are for reasons that mean something else under this kind.
var kindRemedies = map[FaultKind]map[string]string{
	FaultCA: {"TLSFailed": "Whoever runs Everleaf must give the CA's root as the issuer's CA bundle if the CA is private; else the CA must mend its certificate."},
}

var remedies = map[string]string{
	// RateLimited, Wait: it comes by itself.
	"RateLimited": "Nobody has to do anything: Everleaf waits for as long as the CA asked; an administrator who knows better may force it " +
		"(everleaf cert renew --force).",
	"TooManyFailedValidations": "Whoever owns the name must mend what the failed attempts name (everleaf cert explain); Everleaf tries again by itself " +
		"within an hour.",
	"AccountBusy": waits, "AuthorizationExpired": waits, "Busy": waits, "Cancelled": "Nobody has to do anything: the certificate was given up on purpose.",
	"DNSUnavailable":      "Whoever runs the name server or the resolver that the message names must see that it answers; Everleaf goes on by itself.",
	"DatabaseUnavailable": "Whoever runs Everleaf should see that Postgres is up; Everleaf goes on by itself when it is.",
	"NoAnswer":            waits, "NotIssuedYet": waits, "OrderAbandoned": waits, "OrderExpired": waits, "OrderInFlight": waits, "RunEnded": waits,
	"ReplacementNotDelivered": "The targets named must take the new certificate first; the old one is revoked when they have it, or when the wait is over.",
	"SameNamesInFlight": "Nobody has to do anything if both certificates are wanted: one waits for the other. If they are the same, whoever asked " +
		"should use one for both.",
	"StepTimedOut": waits, "VersionReplaced": waits, "WorkerStopping": waits, "WorkflowNotReady": waits,
	"NoPoller": workerMove, "NoWorker": workerMove, "PollStuck": workerMove, "WorkerFailed": workerMove, "WorkerNotStarted": workerMove,
	"SealingUnavailable":  "Whoever runs Everleaf must see that the key service answers the workers; they go on by themselves when it does.",
	"TargetUnavailable":   "Whoever runs the target must see that it answers; Everleaf delivers again by itself.",
	"TemporalUnreachable": temporalMove,

	// Name: whoever owns it.
	"AuthorizationFailed": nameShown, "ChallengeFailed": nameShown, "ChallengeIncorrect": nameShown, "ChallengeNotVisible": nameShown,
	"ChallengeUnauthorized": nameShown, "ConnectionFailed": nameServed,
	"AuthorizationWithdrawn": "Whoever runs Everleaf must ask the CA, or whoever has access to the account, why it was withdrawn.",
	"CAAForbids":             "Whoever owns the name must add the CA to its CAA records, or remove those that forbid it.",
	"ChallengeNotOffered":    "Whoever asked for the certificate must choose a way of validation that the CA offers for this name.",
	"CNAMELoop":              "Whoever owns the name must correct the CNAME records of its _acme-challenge name, which come to no end.",
	"DNSFailed": "Whoever owns the name must mend its DNS: name servers that answer, address records that lead to Everleaf's responder " +
		"(http-01), and DNSSEC that validates.",
	"NameNotDelegated": "Whoever owns the name must create the CNAME record that the message names, or whoever asked for the certificate must choose " +
		"http-01.",
	"NameRejected": nameMove, "NameUnsupported": nameMove, "NameUnusable": nameMove,
	"NamesPaused": "Whoever runs Everleaf must lift the pause at the page that the CA names, once the name's owner has mended what failed so long.",
	"TLSFailed":   "Whoever owns the name must mend the TLS of its web server, which the CA looked at.",

	// CA.
	"BadNonce": casMove, "NotFound": casMove, "OrderNotIssued": casMove, "OrderStuck": casMove, "ServerError": casMove, "Timeout": casMove,
	"Unavailable": casMove, "UnexpectedAnswer": casMove, "Unreachable": casMove,
	"CertificateChainBroken": casAnswer, "CertificateKeyMismatch": casAnswer, "CertificateMalformed": casAnswer, "CertificateNamesMismatch": casAnswer,
	"MalformedAnswer":        casAnswer,
	"CertificateNotValidNow": "Whoever runs Everleaf must check the clock of the workers' hosts; if it is right, the CA's is wrong.",

	// Operator: the CA's account.
	"AccountDoesNotExist": accountMove, "AccountKeyUnreadable": accountMove, "InvalidContact": accountMove, "RolloverUnsupported": accountMove,
	"Unauthorized": accountMove, "UnknownAccount": accountMove, "UnsupportedContact": accountMove,
	"BadCSR": "Nobody has to do anything at first: Everleaf makes a new key. If it comes back, whoever asked must choose another key type.",
	"BadPublicKey": "Nobody has to do anything at first: Everleaf makes a new key. If it comes back, whoever asked must choose another key type " +
		"or keyRotation Always.",
	"BadSignatureAlgorithm":   reportMove,
	"ExternalAccountRequired": "Whoever runs Everleaf must get a key ID and an HMAC key from the CA, and give them as the issuer's eab.",
	"RequestMalformed":        reportMove,
	"RevocationUnsupported":   "Whoever runs Everleaf must ask the CA to revoke: it does not do so by ACME.",
	"UserActionRequired":      "Whoever runs Everleaf must visit the page that the CA names, and agree to its new terms.",
	"WrongDirectory":          "Whoever runs Everleaf must correct the issuer's directory URL.",
	"UnknownIssuer":           "Whoever asked must name a configured issuer, or whoever runs Everleaf must configure this one at every worker.",
	"UnknownSolver":           "Whoever asked must choose a challenge that the workers can answer.",

	// Operator: what is stored, and the keys that seal it.
	"CSRMalformed": backupMove, "CertificateKeyUnreadable": backupMove, "CertificateUnreadable": backupMove, "ChainMalformed": backupMove,
	"KeyUnreadable": backupMove, "SecretDamaged": backupMove, "SecretsUnopened": backupMove,
	"KeyNotMade": reportMove,
	"SealingKeyWrong": "Whoever runs Everleaf must give the workers the key that sealed this: as the sealing key, or in the list of earlier ones " +
		"if the key was changed.",
	"SealingKeyRefused":   "Whoever runs Everleaf must let the workers use the sealing key in the key service: it exists, is enabled, and they may encrypt and decrypt.",
	"SealingKeyMalformed": settingMove,
	"UnknownOrder":        otherDatabase, "UnknownVersion": otherDatabase,
	"DatabaseError": databaseMove, "DatabaseRefused": databaseMove, "DatabaseUnreachable": databaseMove, "MigrationFailed": databaseMove,
	"SchemaTooNew": schemaMove, "SchemaTooOld": schemaMove,

	// Operator: the process and its settings.
	"InvalidSetting": settingMove, "InvalidTargets": settingMove, "PostgresURLMalformed": settingMove, "TemporalSettings": settingMove,
	"DNSRefused":     "Whoever runs Everleaf must correct the zone's settings, or whoever runs its server must allow what the message says was refused.",
	"NoDNSZones":     "Whoever runs Everleaf must name the DNS zones that it may write to, or whoever asked for the certificate must choose http-01.",
	"UnknownDNSZone": "Whoever runs Everleaf must name the zone in the configuration again, until what was written into it is removed.",
	"ZoneNotVisible": "Whoever runs the zone that Everleaf writes into must see that it is delegated and that its name servers answer, or whoever runs " +
		"Everleaf must have them looked for elsewhere: the message names the settings.",
	"ListenFailed": settingMove, "ResourcesUnreadable": settingMove,
	"PullCertificateExpired": "Whoever runs Everleaf must give the pull listener a certificate that is valid.",
	"PullSilent":             workerMove, "ResponderSilent": workerMove,
	"QueryFailed": workerMove, "UnknownOperation": workerMove,
	"ScheduleRefused": temporalMove, "SearchAttributesConflict": temporalMove, "SearchAttributesRefused": temporalMove, "TemporalError": temporalMove,
	"TemporalRefused": temporalMove, "UnknownNamespace": temporalMove,
	"SearchAttributesMissing": "Whoever runs Everleaf must make the search attributes known to the namespace: everleaf migrate.",
	"TargetRefused":           targetMove,
	"UnknownTarget":           "Whoever asked must name a configured target, or whoever runs Everleaf must configure this one at every delivery worker.",
	"Unexpected":              reportMove,

	// Spec: whoever asked.
	"CertificateNameCharacter": specMove, "CertificateNameDots": specMove, "CertificateNameEmpty": specMove, "CertificateNameHyphenEdge": specMove,
	"CertificateNameTooLong": specMove, "DeliveryName": specMove, "DuplicateDelivery": specMove, "DuplicateIssuer": specMove, "DuplicateName": specMove,
	"IssuerEmpty": specMove, "IssuerSpaces": specMove, "NoNames": specMove, "ProfileSpaces": specMove, "TooManyDeliveries": specMove,
	"TooManyIssuers": specMove, "TooManyNames": specMove, "UnknownChallenge": specMove, "UnknownKeyRotation": specMove, "UnknownKeyType": specMove,
	"UnknownProfile": specMove,
	"NameCharacter":  nameMove, "NameEmpty": nameMove, "NameEmptyLabel": nameMove, "NameHasPort": nameMove, "NameHyphenEdge": nameMove, "NameIsIP": nameMove,
	"NameIsURL": nameMove, "NameLabelTooLong": nameMove, "NameNotIDNA": nameMove, "NameNumericTLD": nameMove, "NamePublicSuffix": nameMove,
	"NamePunycode": nameMove, "NameReservedLabel": nameMove, "NameSingleLabel": nameMove, "NameSpaces": nameMove, "NameTooLong": nameMove,
	"NameTooLongForDNS01": "Whoever asked for the certificate must choose http-01 for this name, or leave the name out.",

	"NameTrailingDot": nameMove, "NameUnderscore": nameMove, "WildcardPlacement": nameMove,
	"GivenUp":            "Whoever wants the certificate must ask for it again: everleaf cert ensure.",
	"NotKept":            "Nobody keeps this certificate: everleaf cert ensure starts to keep it again.",
	"NotRetired":         callMove,
	"NothingToRevoke":    "There is no certificate in service to revoke: nobody has to do anything.",
	"StillDelivered":     "Whoever wants it gone from there must ask for it again (everleaf cert ensure), and then retire it with --remove-deliveries.",
	"TokenVoid":          "The receiver must wait for the next delivery: a token opens one key, once, and not for long.",
	"UnknownCertificate": "Check the certificate's name: everleaf cert list shows those there are.",
	"UnknownReason":      callMove, "UnknownSigner": callMove,
}
