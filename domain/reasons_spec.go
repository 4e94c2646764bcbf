package domain

// Of Spec faults: the fields of a spec but for its names.
const (
	// ReasonDeliveryName: a target's name is none.
	ReasonDeliveryName Reason = "DeliveryName"
	// ReasonDuplicateDelivery: the list of targets holds one twice.
	ReasonDuplicateDelivery Reason = "DuplicateDelivery"
	// ReasonDuplicateIssuer: the list of issuers holds one twice.
	ReasonDuplicateIssuer Reason = "DuplicateIssuer"
	// ReasonDuplicateName: the list of names holds one twice, perhaps spelt in two ways.
	ReasonDuplicateName Reason = "DuplicateName"
	// ReasonFleetName: a fleet's name is none.
	ReasonFleetName Reason = "FleetName"
	// ReasonIssuerName: an issuer's name is none.
	ReasonIssuerName Reason = "IssuerName"
	// ReasonNoNames: the list of names is empty.
	ReasonNoNames Reason = "NoNames"
	// ReasonProfileName: the profile is not one that a CA could have.
	ReasonProfileName Reason = "ProfileName"
	// ReasonSpecTooLarge: the spec as a whole is too large.
	ReasonSpecTooLarge Reason = "SpecTooLarge"
	// ReasonTenantName: the tenant is too long, or not printable.
	ReasonTenantName Reason = "TenantName"
	// ReasonTooManyDeliveries: the list of targets is too long.
	ReasonTooManyDeliveries Reason = "TooManyDeliveries"
	// ReasonTooManyIssuers: the list of issuers is too long.
	ReasonTooManyIssuers Reason = "TooManyIssuers"
	// ReasonTooManyNames: the list of names is longer than a certificate has room for.
	ReasonTooManyNames Reason = "TooManyNames"
	// ReasonUnknownChallenge: there is no such type of challenge.
	ReasonUnknownChallenge Reason = "UnknownChallenge"
	// ReasonUnknownKeyRotation: there is no such key rotation.
	ReasonUnknownKeyRotation Reason = "UnknownKeyRotation"
	// ReasonUnknownKeyType: there is no such key type.
	ReasonUnknownKeyType Reason = "UnknownKeyType"
	// ReasonUnknownProfile: the CA does not offer the profile.
	ReasonUnknownProfile Reason = "UnknownProfile"
)

// Of Spec faults: a name in a spec.
const (
	// ReasonNameCharacter: a character that no DNS name has.
	ReasonNameCharacter Reason = "NameCharacter"
	// ReasonNameEmpty: an entry of the list is empty.
	ReasonNameEmpty Reason = "NameEmpty"
	// ReasonNameEmptyLabel: two dots in a row, or a dot in front.
	ReasonNameEmptyLabel Reason = "NameEmptyLabel"
	// ReasonNameHasPort: a name with a port.
	ReasonNameHasPort Reason = "NameHasPort"
	// ReasonNameIsIP: an IP address.
	ReasonNameIsIP Reason = "NameIsIP"
	// ReasonNameIsURL: a URL, or a name with a path.
	ReasonNameIsURL Reason = "NameIsURL"
	// ReasonNameHyphenEdge: a label begins or ends with a hyphen.
	ReasonNameHyphenEdge Reason = "NameHyphenEdge"
	// ReasonNameLabelTooLong: a label is longer than 63 octets.
	ReasonNameLabelTooLong Reason = "NameLabelTooLong"
	// ReasonNameTooLong: the name is longer than 253 octets.
	ReasonNameTooLong Reason = "NameTooLong"
	// ReasonNameNotIDNA: not valid as an internationalised name (RFC 5891, RFC 5893).
	ReasonNameNotIDNA Reason = "NameNotIDNA"
	// ReasonNameNotUTF8: bytes that are not UTF-8.
	ReasonNameNotUTF8 Reason = "NameNotUTF8"
	// ReasonNamePunycode: a label begins with "xn--" and is no valid A-label (RFC 5891).
	ReasonNamePunycode Reason = "NamePunycode"
	// ReasonNameNumericTLD: the last label is a number, which no top-level domain is.
	ReasonNameNumericTLD Reason = "NameNumericTLD"
	// ReasonNamePublicSuffix: a public suffix, under which others register names.
	ReasonNamePublicSuffix Reason = "NamePublicSuffix"
	// ReasonNameSingleLabel: a single label, for which no public CA issues.
	ReasonNameSingleLabel Reason = "NameSingleLabel"
	// ReasonNameReservedLabel: a label that is reserved for later.
	ReasonNameReservedLabel Reason = "NameReservedLabel"
	// ReasonNameSpaces: spaces in or around the name.
	ReasonNameSpaces Reason = "NameSpaces"
	// ReasonNameTooLongForDNS01: with the challenge's label in front, the name is too long.
	ReasonNameTooLongForDNS01 Reason = "NameTooLongForDNS01"
	// ReasonNameTrailingDot: a dot at the end.
	ReasonNameTrailingDot Reason = "NameTrailingDot"
	// ReasonNameUnderscore: an underscore.
	ReasonNameUnderscore Reason = "NameUnderscore"
	// ReasonWildcardNeedsDNS01: a wildcard is asked for with http-01.
	ReasonWildcardNeedsDNS01 Reason = "WildcardNeedsDNS01"
	// ReasonWildcardPlacement: "*" stands elsewhere than as the first label.
	ReasonWildcardPlacement Reason = "WildcardPlacement"
)
