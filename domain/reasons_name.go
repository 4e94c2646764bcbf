package domain

// Of Name faults: what the name's owner, or its DNS, has to do with.
const (
	// ReasonAuthorizationFailed: the authorization is not valid, and the CA did not say why.
	ReasonAuthorizationFailed Reason = "AuthorizationFailed"
	// ReasonCAAForbids: a CAA record of the name does not allow this CA.
	ReasonCAAForbids Reason = "CAAForbids"
	// ReasonChallengeFailed: the CA could not validate control of the name, and gave no reason.
	ReasonChallengeFailed Reason = "ChallengeFailed"
	// ReasonChallengeIncorrect: the CA was served something other than the challenge's answer.
	ReasonChallengeIncorrect Reason = "ChallengeIncorrect"
	// ReasonChallengeNotOffered: the CA does not offer the wanted type of challenge for the name.
	ReasonChallengeNotOffered Reason = "ChallengeNotOffered"
	// ReasonChallengeUnauthorized: the CA looked, and the name's server does not show control of it.
	ReasonChallengeUnauthorized Reason = "ChallengeUnauthorized"
	// ReasonCNAMELoop: the CNAME records of the challenge's name come to no end.
	ReasonCNAMELoop Reason = "CNAMELoop"
	// ReasonConnectionFailed: the CA could not connect to the name's server.
	ReasonConnectionFailed Reason = "ConnectionFailed"
	// ReasonDNSFailed: the name does not resolve.
	ReasonDNSFailed Reason = "DNSFailed"
	// ReasonNameNotDelegated: the challenge's name does not lead to a zone that Everleaf may write to.
	ReasonNameNotDelegated Reason = "NameNotDelegated"
	// ReasonNameRejected: the CA does not issue for this name.
	ReasonNameRejected Reason = "NameRejected"
	// ReasonNameUnsupported: the CA does not issue for names of this type.
	ReasonNameUnsupported Reason = "NameUnsupported"
	// ReasonNameUnusable: the name cannot be part of a URL.
	ReasonNameUnusable Reason = "NameUnusable"
	// ReasonNamesPaused: the CA has paused these names for this account until somebody lifts it there.
	ReasonNamesPaused Reason = "NamesPaused"
	// ReasonTLSFailed: the TLS of the name's server failed when the CA looked. As a CA fault: the CA's own is not
	// trusted.
	ReasonTLSFailed Reason = "TLSFailed"
)
