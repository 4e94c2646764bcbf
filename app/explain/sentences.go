package explain

import "everleaf/domain"

// own are the sentences for one reason.
var own = map[domain.Reason]string{
	domain.ReasonKeyForgotten: "Somebody must have the certificate renewed: that makes a new key.",
	// RateLimited, Wait: it passes by itself.
	domain.ReasonRateLimited: "Nobody has to do anything: Everleaf waits for as long as the CA asked; an " +
		"operator who knows better may force it (everleaf cert renew --force).",
	domain.ReasonTooManyFailedValidations: "The name's owner must correct what the failed attempts name (everleaf " +
		"cert explain); Everleaf tries again by itself within an hour.",
	domain.ReasonCancelled: "Nobody has to do anything: the certificate was cancelled on purpose.",
	domain.ReasonDNSUnavailable: "The operator of the name server or the resolver that the message names must see that " +
		"it answers; Everleaf goes on by itself.",
	domain.ReasonDatabaseUnavailable: "The operator of Everleaf should see that Postgres is up; Everleaf goes on by " +
		"itself when it is.",
	domain.ReasonReplacementNotDelivered: "The targets named must take the new certificate first; the old one is " +
		"revoked when they have it, or when the wait is over.",
	domain.ReasonSameNamesInFlight: "Nobody has to do anything if both certificates are wanted: one waits for the " +
		"other. If they are the same, the caller should use one for both.",
	domain.ReasonSealingUnavailable: "The operator of Everleaf must see that the key service answers the workers; they " +
		"go on by themselves when it does.",
	domain.ReasonTargetAhead: "The operator of Everleaf must see why the target has had a later delivery than the " +
		"database knows " +
		"of (a backup that was restored), and remove the certificate there; Everleaf then delivers again.",
	domain.ReasonTargetUnavailable: "The target's operator must see that it answers; Everleaf delivers again by " +
		"itself.",

	// Name: its owner.
	domain.ReasonAuthorizationWithdrawn: "The operator of Everleaf must ask the CA, or anyone who has access to the " +
		"account, why it was withdrawn.",
	domain.ReasonCAAForbids: "The name's owner must add the CA to its CAA records, or remove those that forbid " +
		"it.",
	domain.ReasonChallengeNotOffered: "The caller must choose a way of validation that the CA " +
		"offers for this name.",
	domain.ReasonCNAMELoop: "The name's owner must correct the CNAME records of its _acme-challenge name, which " +
		"come to no end.",
	domain.ReasonDNSFailed: "The name's owner must correct its DNS: name servers that answer, address records that " +
		"lead to Everleaf's responder (http-01), and DNSSEC that validates.",
	domain.ReasonNameNotDelegated: "The name's owner must create the CNAME record that the message names, or " +
		"the caller must choose http-01.",
	domain.ReasonNamesPaused: "The operator of Everleaf must lift the pause at the page that the CA names, once the " +
		"name's owner has corrected what failed so long.",
	domain.ReasonTLSFailed: "The name's owner must correct the TLS of its web server, which the CA connected to.",

	// CA.
	domain.ReasonCertificateNotValidNow: "The operator of Everleaf must check the clock of the workers' hosts; if it is " +
		"right, the CA's is wrong.",

	// Operator: the CA's account.
	domain.ReasonAccountKeyRefused: "The operator of Everleaf must restore the newest account key (table accounts), or " +
		"remove the account's row, so that the next order registers a new account.",
	domain.ReasonBadCSR: "Nobody has to do anything at first: Everleaf makes a new key. If it comes back, the " +
		"caller must choose another key type.",
	domain.ReasonBadPublicKey: "Nobody has to do anything at first: Everleaf makes a new key. If it comes back, " +
		"the caller must choose another key type or keyRotation Always.",
	domain.ReasonExternalAccountRequired: "The operator of Everleaf must get a key ID and an HMAC key from the CA, and " +
		"give them as the issuer's eab.",
	domain.ReasonRevocationUnsupported: "The operator of Everleaf must ask the CA to revoke: it does not do so by ACME.",
	domain.ReasonUserActionRequired: "The operator of Everleaf must visit the page that the CA names, and agree to its " +
		"new terms.",
	domain.ReasonWrongDirectory: "The operator of Everleaf must correct the issuer's directory URL.",
	domain.ReasonUnknownIssuer: "The caller must name a configured issuer (everleaf cert ensure --use-issuer), or the " +
		"operator of Everleaf must configure this one at every worker; a certificate that nobody wants ends with " +
		"everleaf cert retire.",
	domain.ReasonUnknownSolver: "The caller must choose a challenge that the workers can answer.",

	// Operator: what is stored, and the keys that seal it.
	domain.ReasonSealingKeyWrong: "The operator of Everleaf must give the workers the key that sealed this: as the " +
		"sealing key, or in the list of earlier ones if the key was changed.",
	domain.ReasonSecretMisplaced: movedMove,
	domain.ReasonKeyMismatch:     movedMove,
	domain.ReasonSealingKeyNotShared: "The operator of Everleaf must give the new sealing key to every running process, " +
		"as an earlier one, before it seals anything.",
	domain.ReasonSealingKeyRefused: "The operator of Everleaf must let the workers use the sealing key in the key " +
		"service: it exists, is enabled, and they may encrypt and decrypt.",

	// Operator: the process and its settings.
	domain.ReasonClockWrong: "The operator of Everleaf must have the hosts' clocks set by NTP.",
	domain.ReasonDNSRefused: "The operator of Everleaf must correct the zone's settings, or its server's operator " +
		"must allow what the message says was refused.",
	domain.ReasonNoDNSZones: "The operator of Everleaf must name the DNS zones that it may write to, or the caller " +
		"of the certificate must choose http-01.",
	domain.ReasonUnknownDNSZone: "The operator of Everleaf must name the zone in the configuration again, until what " +
		"was written into it is removed.",
	domain.ReasonZoneNotVisible: "The operator of the zone that Everleaf writes into must see that it is delegated and " +
		"that its name servers answer, or the operator of Everleaf must have them looked for elsewhere: the message " +
		"names the settings.",
	domain.ReasonPullCertificateExpired: "The operator of Everleaf must give the pull listener a certificate that is " +
		"valid.",
	domain.ReasonSearchAttributesMissing: "The operator of Everleaf must make the search attributes known to the " +
		"namespace: everleaf migrate.",
	domain.ReasonUnknownTarget: "The caller must name a configured target, or the operator of Everleaf must " +
		"configure this one at every delivery worker.",

	// Spec: the caller.
	domain.ReasonUnknownProfile: "The caller must choose a profile that the message names, or none (everleaf cert " +
		"ensure --profile); a certificate that nobody wants ends with everleaf cert retire.",
	domain.ReasonGenerationConflict: "The caller must read the spec again (everleaf cert spec), change that, and ask " +
		"once more.",
	domain.ReasonOtherFleet: "The caller must change the certificate in the file that it belongs to, or take it out " +
		"there first.",
	domain.ReasonNameTooLongForDNS01: "The caller must choose http-01 for this name, or leave " +
		"the name out.",
	domain.ReasonWildcardNeedsDNS01: "The caller must choose dns-01, or list each host by its " +
		"name.",
	domain.ReasonRetired:         "A person who wants the certificate must ask for it again: everleaf cert ensure.",
	domain.ReasonWorkflowEnded:   "Nobody keeps this certificate: everleaf cert ensure starts to keep it again.",
	domain.ReasonNothingToRevoke: "There is no certificate in service to revoke: nobody has to do anything.",
	domain.ReasonStillDelivered: "A person who wants it removed there must ask for it again (everleaf cert ensure), and " +
		"then retire it with --remove-deliveries.",
	domain.ReasonTokenInvalid: "The receiver must wait for the next delivery: a token opens one key, once, and not for " +
		"long.",
	domain.ReasonUnknownCertificate: "Check the certificate's name: everleaf cert list shows those there are.",
}
