package domain

// Of Spec faults: the fields of a spec but for its names.
const (
	// ReasonDeliveryName: a target's name is none.
	ReasonDeliveryName Reason = "DeliveryName"
	// ReasonDuplicateDelivery, ReasonDuplicateIssuer and ReasonDuplicateName: a list holds the same entry twice.
	ReasonDuplicateDelivery Reason = "DuplicateDelivery"
	ReasonDuplicateIssuer   Reason = "DuplicateIssuer"
	ReasonDuplicateName     Reason = "DuplicateName"
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
	// ReasonTooManyDeliveries, ReasonTooManyIssuers and ReasonTooManyNames: a list is too long.
	ReasonTooManyDeliveries Reason = "TooManyDeliveries"
	ReasonTooManyIssuers    Reason = "TooManyIssuers"
	ReasonTooManyNames      Reason = "TooManyNames"
	// ReasonUnknownChallenge, ReasonUnknownKeyRotation and ReasonUnknownKeyType: the field has a value that is not
	// known.
	ReasonUnknownChallenge   Reason = "UnknownChallenge"
	ReasonUnknownKeyRotation Reason = "UnknownKeyRotation"
	ReasonUnknownKeyType     Reason = "UnknownKeyType"
	// ReasonUnknownProfile: the CA does not offer the profile.
	ReasonUnknownProfile Reason = "UnknownProfile"
)

// Of Spec faults: a name in a spec.
const (
	// ReasonNameCharacter: a character that no DNS name has.
	ReasonNameCharacter Reason = "NameCharacter"
	// ReasonNameEmpty and ReasonNameEmptyLabel: nothing is there.
	ReasonNameEmpty      Reason = "NameEmpty"
	ReasonNameEmptyLabel Reason = "NameEmptyLabel"
	// ReasonNameHasPort, ReasonNameIsIP and ReasonNameIsURL: it is something other than a DNS name.
	ReasonNameHasPort Reason = "NameHasPort"
	ReasonNameIsIP    Reason = "NameIsIP"
	ReasonNameIsURL   Reason = "NameIsURL"
	// ReasonNameHyphenEdge: a label begins or ends with a hyphen.
	ReasonNameHyphenEdge Reason = "NameHyphenEdge"
	// ReasonNameLabelTooLong and ReasonNameTooLong: longer than DNS allows.
	ReasonNameLabelTooLong Reason = "NameLabelTooLong"
	ReasonNameTooLong      Reason = "NameTooLong"
	// ReasonNameNotIDNA, ReasonNameNotUTF8 and ReasonNamePunycode: not an internationalised name.
	ReasonNameNotIDNA  Reason = "NameNotIDNA"
	ReasonNameNotUTF8  Reason = "NameNotUTF8"
	ReasonNamePunycode Reason = "NamePunycode"
	// ReasonNameNumericTLD, ReasonNamePublicSuffix and ReasonNameSingleLabel: no CA issues for it.
	ReasonNameNumericTLD   Reason = "NameNumericTLD"
	ReasonNamePublicSuffix Reason = "NamePublicSuffix"
	ReasonNameSingleLabel  Reason = "NameSingleLabel"
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
