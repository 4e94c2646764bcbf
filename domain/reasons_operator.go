package domain

// Of Operator faults: a CA and the account there.
const (
	// ReasonAccountDoesNotExist: the CA does not know the account, or not any more.
	ReasonAccountDoesNotExist Reason = "AccountDoesNotExist"
	// ReasonAccountKeyRefused: the CA has another key for the account than the one that is stored.
	ReasonAccountKeyRefused Reason = "AccountKeyRefused"
	// ReasonAccountKeyUnreadable: the stored account key cannot be read.
	ReasonAccountKeyUnreadable Reason = "AccountKeyUnreadable"
	// ReasonAuthorizationWithdrawn: somebody with the account's key, or the CA, took the authorization back.
	ReasonAuthorizationWithdrawn Reason = "AuthorizationWithdrawn"
	// ReasonBadCSR: the CA does not take the order's CSR (RFC 8555 §6.7).
	ReasonBadCSR Reason = "BadCSR"
	// ReasonBadPublicKey: the CA does not take a public key: the order's, or the account's (RFC 8555 §6.7).
	ReasonBadPublicKey Reason = "BadPublicKey"
	// ReasonBadSignatureAlgorithm: the CA does not take the algorithm of our requests.
	ReasonBadSignatureAlgorithm Reason = "BadSignatureAlgorithm"
	// ReasonExternalAccountRequired: the CA wants an account bound to one that it knows (RFC 8555 §7.3.4).
	ReasonExternalAccountRequired Reason = "ExternalAccountRequired"
	// ReasonInvalidContact: the CA does not take the account's contact address.
	ReasonInvalidContact Reason = "InvalidContact"
	// ReasonUnsupportedContact: the CA does not take contacts of this kind, for example other than e-mail addresses.
	ReasonUnsupportedContact Reason = "UnsupportedContact"
	// ReasonRequestMalformed: the CA does not understand our request.
	ReasonRequestMalformed Reason = "RequestMalformed"
	// ReasonRevocationUnsupported: the CA does not revoke by ACME.
	ReasonRevocationUnsupported Reason = "RevocationUnsupported"
	// ReasonRolloverUnsupported: the CA does not change account keys by ACME.
	ReasonRolloverUnsupported Reason = "RolloverUnsupported"
	// ReasonUnauthorized: the account may not do this, or was deactivated.
	ReasonUnauthorized Reason = "Unauthorized"
	// ReasonUnknownAccount: no such account is stored.
	ReasonUnknownAccount Reason = "UnknownAccount"
	// ReasonUnknownIssuer: the issuer is not configured at this worker; Wait if another worker has it.
	ReasonUnknownIssuer Reason = "UnknownIssuer"
	// ReasonUnknownSolver: this worker cannot answer this type of challenge.
	ReasonUnknownSolver Reason = "UnknownSolver"
	// ReasonUserActionRequired: the CA wants a person to visit a page, usually to agree to new terms.
	ReasonUserActionRequired Reason = "UserActionRequired"
	// ReasonWrongDirectory: there is no ACME directory at the issuer's URL.
	ReasonWrongDirectory Reason = "WrongDirectory"
)

// Of Operator faults: DNS zones, targets and listeners.
const (
	// ReasonDNSRefused: the zone's server refuses our changes.
	ReasonDNSRefused Reason = "DNSRefused"
	// ReasonListenFailed: a listener's address cannot be used.
	ReasonListenFailed Reason = "ListenFailed"
	// ReasonNoDNSZones: no zone is configured that the name's challenge could be written to.
	ReasonNoDNSZones Reason = "NoDNSZones"
	// ReasonPullCertificateExpired: the pull listener's own certificate has expired.
	ReasonPullCertificateExpired Reason = "PullCertificateExpired"
	// ReasonPullNotAnswering: the pull listener does not answer itself.
	ReasonPullNotAnswering Reason = "PullNotAnswering"
	// ReasonResponderNotAnswering: the responder for http-01 does not answer itself.
	ReasonResponderNotAnswering Reason = "ResponderNotAnswering"
	// ReasonTargetAhead: the target has had a delivery that the database does not know of.
	ReasonTargetAhead Reason = "TargetAhead"
	// ReasonTargetRefused: the target answered that it does not take the delivery.
	ReasonTargetRefused Reason = "TargetRefused"
	// ReasonUnknownDNSZone: a record was written to a zone that is not configured any more.
	ReasonUnknownDNSZone Reason = "UnknownDNSZone"
	// ReasonUnknownTarget: the target is not configured at this worker; Wait if another worker has it.
	ReasonUnknownTarget Reason = "UnknownTarget"
	// ReasonZoneNotVisible: the name servers of a zone that Everleaf writes to cannot be found, or do not answer.
	ReasonZoneNotVisible Reason = "ZoneNotVisible"
)

// Of Operator faults: what is stored, and the keys that seal it.
const (
	// ReasonCertificateKeyUnreadable: the stored key of a certificate cannot be read.
	ReasonCertificateKeyUnreadable Reason = "CertificateKeyUnreadable"
	// ReasonCertificateUnreadable: a stored certificate is none.
	ReasonCertificateUnreadable Reason = "CertificateUnreadable"
	// ReasonChainMalformed: a stored chain is not PEM.
	ReasonChainMalformed Reason = "ChainMalformed"
	// ReasonCSRMalformed: a stored CSR does not parse.
	ReasonCSRMalformed Reason = "CSRMalformed"
	// ReasonDatabaseError: Postgres refused a statement.
	ReasonDatabaseError Reason = "DatabaseError"
	// ReasonDatabaseRefused: Postgres refuses the connection or the role.
	ReasonDatabaseRefused Reason = "DatabaseRefused"
	// ReasonDatabaseUnreachable: Postgres did not answer when the process started.
	ReasonDatabaseUnreachable Reason = "DatabaseUnreachable"
	// ReasonKeyMismatch: the key that is stored for a certificate is not the one that its chain is for.
	ReasonKeyMismatch Reason = "KeyMismatch"
	// ReasonKeyNotMade: a key or its CSR could not be made.
	ReasonKeyNotMade Reason = "KeyNotMade"
	// ReasonKeyUnreadable: a stored key cannot be read.
	ReasonKeyUnreadable Reason = "KeyUnreadable"
	// ReasonMigrationFailed: a migration failed and was rolled back.
	ReasonMigrationFailed Reason = "MigrationFailed"
	// ReasonSchemaTooNew: a newer release has migrated the database, and marked its schema as unfit for this build.
	ReasonSchemaTooNew Reason = "SchemaTooNew"
	// ReasonSchemaTooOld: the database lacks migrations of this build, or has no schema yet.
	ReasonSchemaTooOld Reason = "SchemaTooOld"
	// ReasonKeyForgotten: the private key was forgotten, since its sealing key was lost.
	ReasonKeyForgotten Reason = "KeyForgotten"
	// ReasonSealingKeyMalformed: the setting of a sealing key holds none.
	ReasonSealingKeyMalformed Reason = "SealingKeyMalformed"
	// ReasonSealingKeyNotShared: running processes do not know the key that is to seal, or still seal with a former
	// one.
	ReasonSealingKeyNotShared Reason = "SealingKeyNotShared"
	// ReasonSealingKeyRefused: the key service does not let us use the sealing key.
	ReasonSealingKeyRefused Reason = "SealingKeyRefused"
	// ReasonSealingKeyWrong: a secret was sealed by another key than the ones that were given.
	ReasonSealingKeyWrong Reason = "SealingKeyWrong"
	// ReasonSecretDamaged: a sealed secret was changed since it was sealed.
	ReasonSecretDamaged Reason = "SecretDamaged"
	// ReasonSecretMisplaced: a sealed secret is stored in another place than the one that it was sealed for.
	ReasonSecretMisplaced Reason = "SecretMisplaced"
	// ReasonSecretsUnreadable: some secrets do not open.
	ReasonSecretsUnreadable Reason = "SecretsUnreadable"
	// ReasonUnknownOrder: no such order is stored.
	ReasonUnknownOrder Reason = "UnknownOrder"
	// ReasonUnknownVersion: the version is not one of the certificate, or is not stored.
	ReasonUnknownVersion Reason = "UnknownVersion"
)
