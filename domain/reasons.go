package domain

// Reason is a stable CamelCase word for programs: why something failed. It is stored and in recorded histories, so that
// it is never renamed. Each reason is a constant whose name is "Reason" and the word; they are grouped by the kind of
// fault that usually has them.
type Reason string

// Of RateLimited faults.
const (
	// ReasonRateLimited: the CA limits requests.
	ReasonRateLimited Reason = "RateLimited"
	// ReasonTooManyFailedValidations: validations of a name failed so often within an hour that the CA is not asked.
	ReasonTooManyFailedValidations Reason = "TooManyFailedValidations"
)

// Of Wait faults: in the life of a certificate.
const (
	// ReasonAuthorizationExpired: an authorization ran out before it was used; a new order has new ones.
	ReasonAuthorizationExpired Reason = "AuthorizationExpired"
	// ReasonChallengeNotVisible: from our side, the challenge cannot be seen where the CA will look for it. It is a
	// Name fault once the solver's time is over.
	ReasonChallengeNotVisible Reason = "ChallengeNotVisible"
	// ReasonNotIssuedYet: there is no certificate in service yet.
	ReasonNotIssuedYet Reason = "NotIssuedYet"
	// ReasonOrderAbandoned: the order was abandoned while a step worked on it; a new one follows.
	ReasonOrderAbandoned Reason = "OrderAbandoned"
	// ReasonOrderExpired: the order, or an authorization of it, ran out or is gone while it was parked; a new one
	// follows.
	ReasonOrderExpired Reason = "OrderExpired"
	// ReasonOrderInFlight: an order for an earlier spec is still at work.
	ReasonOrderInFlight Reason = "OrderInFlight"
	// ReasonReplacementNotDelivered: a revocation waits for targets to have the new certificate.
	ReasonReplacementNotDelivered Reason = "ReplacementNotDelivered"
	// ReasonSameNamesInFlight: another certificate has an order for the same names at work.
	ReasonSameNamesInFlight Reason = "SameNamesInFlight"
	// ReasonTargetUnavailable: the target does not answer, or cannot take a delivery just now.
	ReasonTargetUnavailable Reason = "TargetUnavailable"
	// ReasonVersionReplaced: another version is in service than the one that the step is about.
	ReasonVersionReplaced Reason = "VersionReplaced"
)

// Of Wait faults: what Everleaf runs on.
const (
	// ReasonAccountBusy: another process changes the ACME account at this moment.
	ReasonAccountBusy Reason = "AccountBusy"
	// ReasonBusy: a listener has too many requests at once.
	ReasonBusy Reason = "Busy"
	// ReasonDatabaseUnavailable: Postgres does not answer, or cannot serve just now.
	ReasonDatabaseUnavailable Reason = "DatabaseUnavailable"
	// ReasonDNSUnavailable: a name server or a resolver does not answer.
	ReasonDNSUnavailable Reason = "DNSUnavailable"
	// ReasonNoAnswer: the workflow did not answer in time; it goes on.
	ReasonNoAnswer Reason = "NoAnswer"
	// ReasonNoPoller: no worker polls the task queue.
	ReasonNoPoller Reason = "NoPoller"
	// ReasonNoWorker: no worker has taken the query or update.
	ReasonNoWorker Reason = "NoWorker"
	// ReasonRunEnded: the run of the workflow ended before it carried out the request; the next one takes it.
	ReasonRunEnded Reason = "RunEnded"
	// ReasonSealingUnavailable: the key service that seals secrets does not answer.
	ReasonSealingUnavailable Reason = "SealingUnavailable"
	// ReasonStepTimedOut: the step did not end in time.
	ReasonStepTimedOut Reason = "StepTimedOut"
	// ReasonTemporalUnreachable: Temporal does not answer.
	ReasonTemporalUnreachable Reason = "TemporalUnreachable"
	// ReasonWorkerStopping: the worker stops; another one takes the step over.
	ReasonWorkerStopping Reason = "WorkerStopping"
	// ReasonWorkflowNotReady: the workflow has not completed its first task.
	ReasonWorkflowNotReady Reason = "WorkflowNotReady"
)
