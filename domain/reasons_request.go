package domain

// Of Spec faults: a certificate's own name.
const (
	// ReasonCertificateNameCharacter: a character that it may not have.
	ReasonCertificateNameCharacter Reason = "CertificateNameCharacter"
	// ReasonCertificateNameDots: a dot at an edge, or two in a row.
	ReasonCertificateNameDots Reason = "CertificateNameDots"
	// ReasonCertificateNameEmpty: there is none.
	ReasonCertificateNameEmpty Reason = "CertificateNameEmpty"
	// ReasonCertificateNameHyphenEdge: a part begins or ends with a hyphen.
	ReasonCertificateNameHyphenEdge Reason = "CertificateNameHyphenEdge"
	// ReasonCertificateNameTooLong: longer than a DNS name.
	ReasonCertificateNameTooLong Reason = "CertificateNameTooLong"
)

// Of Spec faults: what a caller asked for cannot be done.
const (
	// ReasonGenerationConflict: the certificate's spec has changed since the caller read it.
	ReasonGenerationConflict Reason = "GenerationConflict"
	// ReasonRetired: the certificate is retired, and nothing is issued for it.
	ReasonRetired Reason = "Retired"
	// ReasonInputMalformed: the input of a workflow, or the argument of a request, is not JSON of the right types.
	ReasonInputMalformed Reason = "InputMalformed"
	// ReasonInputTooLarge: a workflow was started with an input that is far larger than a spec can be.
	ReasonInputTooLarge Reason = "InputTooLarge"
	// ReasonNoSpec: a workflow was started without an input, or an Ensure has no spec.
	ReasonNoSpec Reason = "NoSpec"
	// ReasonNoteCharacter: a note is not one printable line.
	ReasonNoteCharacter Reason = "NoteCharacter"
	// ReasonNoteTooLong: a note is too long.
	ReasonNoteTooLong Reason = "NoteTooLong"
	// ReasonNothingToRevoke: there is no certificate in service.
	ReasonNothingToRevoke Reason = "NothingToRevoke"
	// ReasonWorkflowEnded: no workflow keeps the certificate.
	ReasonWorkflowEnded Reason = "WorkflowEnded"
	// ReasonNotRetired: somebody ensured the certificate while it was being retired.
	ReasonNotRetired Reason = "NotRetired"
	// ReasonUnknownRequest: the request is not one of this run.
	ReasonUnknownRequest Reason = "UnknownRequest"
	// ReasonOtherFleet: the certificate belongs to another declarative file.
	ReasonOtherFleet Reason = "OtherFleet"
	// ReasonSpecFile: a file of specs is not one.
	ReasonSpecFile Reason = "SpecFile"
	// ReasonStartOptions: a workflow was started with an option that does not suit one that lives for years.
	ReasonStartOptions Reason = "StartOptions"
	// ReasonStillDelivered: targets keep a certificate that is retired.
	ReasonStillDelivered Reason = "StillDelivered"
	// ReasonTokenInvalid: the token for a key was used, or ran out.
	ReasonTokenInvalid Reason = "TokenInvalid"
	// ReasonTooManyCallers: as many as may wait for the certificate wait already. It is a Wait fault.
	ReasonTooManyCallers Reason = "TooManyCallers"
	// ReasonUnknownCertificate: there is no certificate of this name.
	ReasonUnknownCertificate Reason = "UnknownCertificate"
	// ReasonUnknownField: the argument or input has a field that this build does not know.
	ReasonUnknownField Reason = "UnknownField"
	// ReasonUnknownReason: a revocation's reason is not known.
	ReasonUnknownReason Reason = "UnknownReason"
	// ReasonUnknownSigner: who is to sign a revocation is not known.
	ReasonUnknownSigner Reason = "UnknownSigner"
	// ReasonWorkflowID: a workflow was started with an ID that names no certificate.
	ReasonWorkflowID Reason = "WorkflowID"
)
