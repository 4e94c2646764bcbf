package explain

import "everleaf/domain"

// own are the sentences for one reason.
var own = map[domain.Reason]string{
	// RateLimited, Wait: it comes by itself.
	domain.ReasonRateLimited: "Nobody has to do anything: Everleaf waits for as long as the CA asked; an " +
		"administrator who knows better may force it (everleaf cert renew --force).",
	domain.ReasonTooManyFailedValidations: "Whoever owns the name must mend what the failed attempts name (everleaf " +
		"cert explain); Everleaf tries again by itself within an hour.",
	domain.ReasonCancelled: "Nobody has to do anything: the certificate was given up on purpose.",
	domain.ReasonDNSUnavailable: "Whoever runs the name server or the resolver that the message names must see that " +
		"it answers; Everleaf goes on by itself.",
	domain.ReasonDatabaseUnavailable: "Whoever runs Everleaf should see that Postgres is up; Everleaf goes on by " +
		"itself when it is.",
	domain.ReasonReplacementNotDelivered: "The targets named must take the new certificate first; the old one is " +
		"revoked when they have it, or when the wait is over.",
	domain.ReasonSameNamesInFlight: "Nobody has to do anything if both certificates are wanted: one waits for the " +
		"other. If they are the same, whoever asked should use one for both.",
	domain.ReasonSealingUnavailable: "Whoever runs Everleaf must see that the key service answers the workers; they " +
		"go on by themselves when it does.",
	domain.ReasonTargetAhead: "Whoever runs Everleaf must see why the target has had a later delivery than the database knows " +
		"of (a backup that was restored), and remove the certificate there; Everleaf then delivers again.",
	domain.ReasonTargetUnavailable: "Whoever runs the target must see that it answers; Everleaf delivers again by " +
		"itself.",

	// Name: whoever owns it.
	domain.ReasonAuthorizationWithdrawn: "Whoever runs Everleaf must ask the CA, or whoever has access to the " +
		"account, why it was withdrawn.",
	domain.ReasonCAAForbids: "Whoever owns the name must add the CA to its CAA records, or remove those that forbid " +
		"it.",
	domain.ReasonChallengeNotOffered: "Whoever asked for the certificate must choose a way of validation that the CA " +
		"offers for this name.",
	domain.ReasonCNAMELoop: "Whoever owns the name must correct the CNAME records of its _acme-challenge name, which " +
		"come to no end.",
	domain.ReasonDNSFailed: "Whoever owns the name must mend its DNS: name servers that answer, address records that " +
		"lead to Everleaf's responder (http-01), and DNSSEC that validates.",
	domain.ReasonNameNotDelegated: "Whoever owns the name must create the CNAME record that the message names, or " +
		"whoever asked for the certificate must choose http-01.",
	domain.ReasonNamesPaused: "Whoever runs Everleaf must lift the pause at the page that the CA names, once the " +
		"name's owner has mended what failed so long.",
	domain.ReasonTLSFailed: "Whoever owns the name must mend the TLS of its web server, which the CA looked at.",

	// CA.
	domain.ReasonCertificateNotValidNow: "Whoever runs Everleaf must check the clock of the workers' hosts; if it is " +
		"right, the CA's is wrong.",

	// Operator: the CA's account.
	domain.ReasonBadCSR: "Nobody has to do anything at first: Everleaf makes a new key. If it comes back, whoever " +
		"asked must choose another key type.",
	domain.ReasonBadPublicKey: "Nobody has to do anything at first: Everleaf makes a new key. If it comes back, " +
		"whoever asked must choose another key type or keyRotation Always.",
	domain.ReasonExternalAccountRequired: "Whoever runs Everleaf must get a key ID and an HMAC key from the CA, and " +
		"give them as the issuer's eab.",
	domain.ReasonRevocationUnsupported: "Whoever runs Everleaf must ask the CA to revoke: it does not do so by ACME.",
	domain.ReasonUserActionRequired: "Whoever runs Everleaf must visit the page that the CA names, and agree to its " +
		"new terms.",
	domain.ReasonWrongDirectory: "Whoever runs Everleaf must correct the issuer's directory URL.",
	domain.ReasonUnknownIssuer: "Whoever asked must name a configured issuer, or whoever runs Everleaf must " +
		"configure this one at every worker.",
	domain.ReasonUnknownSolver: "Whoever asked must choose a challenge that the workers can answer.",

	// Operator: what is stored, and the keys that seal it.
	domain.ReasonSealingKeyWrong: "Whoever runs Everleaf must give the workers the key that sealed this: as the " +
		"sealing key, or in the list of earlier ones if the key was changed.",
	domain.ReasonSealingKeyRefused: "Whoever runs Everleaf must let the workers use the sealing key in the key " +
		"service: it exists, is enabled, and they may encrypt and decrypt.",

	// Operator: the process and its settings.
	domain.ReasonDNSRefused: "Whoever runs Everleaf must correct the zone's settings, or whoever runs its server " +
		"must allow what the message says was refused.",
	domain.ReasonNoDNSZones: "Whoever runs Everleaf must name the DNS zones that it may write to, or whoever asked " +
		"for the certificate must choose http-01.",
	domain.ReasonUnknownDNSZone: "Whoever runs Everleaf must name the zone in the configuration again, until what " +
		"was written into it is removed.",
	domain.ReasonZoneNotVisible: "Whoever runs the zone that Everleaf writes into must see that it is delegated and " +
		"that its name servers answer, or whoever runs Everleaf must have them looked for elsewhere: the message " +
		"names the settings.",
	domain.ReasonPullCertificateExpired: "Whoever runs Everleaf must give the pull listener a certificate that is " +
		"valid.",
	domain.ReasonSearchAttributesMissing: "Whoever runs Everleaf must make the search attributes known to the " +
		"namespace: everleaf migrate.",
	domain.ReasonUnknownTarget: "Whoever asked must name a configured target, or whoever runs Everleaf must " +
		"configure this one at every delivery worker.",

	// Spec: whoever asked.
	domain.ReasonNameTooLongForDNS01: "Whoever asked for the certificate must choose http-01 for this name, or leave " +
		"the name out.",
	domain.ReasonWildcardNeedsDNS01: "Whoever asked for the certificate must choose dns-01, or list each host by its " +
		"name.",
	domain.ReasonRetired:         "Whoever wants the certificate must ask for it again: everleaf cert ensure.",
	domain.ReasonWorkflowEnded:   "Nobody keeps this certificate: everleaf cert ensure starts to keep it again.",
	domain.ReasonNothingToRevoke: "There is no certificate in service to revoke: nobody has to do anything.",
	domain.ReasonStillDelivered: "Whoever wants it gone from there must ask for it again (everleaf cert ensure), and " +
		"then retire it with --remove-deliveries.",
	domain.ReasonTokenInvalid: "The receiver must wait for the next delivery: a token opens one key, once, and not for " +
		"long.",
	domain.ReasonUnknownCertificate: "Check the certificate's name: everleaf cert list shows those there are.",
}
