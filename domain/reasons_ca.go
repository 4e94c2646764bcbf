package domain

// Of CA faults.
const (
	// ReasonBadNonce: the CA rejected one nonce after the other.
	ReasonBadNonce Reason = "BadNonce"
	// ReasonCertificateChainBroken: a certificate of the chain is not signed by the next one.
	ReasonCertificateChainBroken Reason = "CertificateChainBroken"
	// ReasonCertificateKeyMismatch: the certificate is for another key than the CSR's.
	ReasonCertificateKeyMismatch Reason = "CertificateKeyMismatch"
	// ReasonCertificateMalformed: what the CA sent is no chain of certificates.
	ReasonCertificateMalformed Reason = "CertificateMalformed"
	// ReasonCertificateNamesMismatch: the certificate is for other names than the order.
	ReasonCertificateNamesMismatch Reason = "CertificateNamesMismatch"
	// ReasonCertificateNotValidNow: the certificate is expired, or not valid yet.
	ReasonCertificateNotValidNow Reason = "CertificateNotValidNow"
	// ReasonMalformedAnswer: the CA's answer breaks the protocol.
	ReasonMalformedAnswer Reason = "MalformedAnswer"
	// ReasonNotAnswering: calls to the CA timed out several times in a row, so that only one at a time is made until it
	// answers.
	ReasonNotAnswering Reason = "NotAnswering"
	// ReasonNotFound: the CA does not know what was asked about.
	ReasonNotFound Reason = "NotFound"
	// ReasonOrderNotIssued: the order did not become valid after it was finalized.
	ReasonOrderNotIssued Reason = "OrderNotIssued"
	// ReasonOrderStuck: the order stays in processing.
	ReasonOrderStuck Reason = "OrderStuck"
	// ReasonServerError: the CA answers with its own error.
	ReasonServerError Reason = "ServerError"
	// ReasonTimeout: the CA does not answer in time.
	ReasonTimeout Reason = "Timeout"
	// ReasonUnavailable: the CA answers that it is not available.
	ReasonUnavailable Reason = "Unavailable"
	// ReasonUnexpectedAnswer: the CA refuses for a reason that nobody knows.
	ReasonUnexpectedAnswer Reason = "UnexpectedAnswer"
	// ReasonUnreachable: there is no connection to the CA.
	ReasonUnreachable Reason = "Unreachable"
)
