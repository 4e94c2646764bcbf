package domain

// Of Operator faults: the process, its settings, and Temporal.
const (
	// ReasonCancelled: the workflow was cancelled in the middle of an attempt. Nothing is wrong.
	ReasonCancelled Reason = "Cancelled"
	// ReasonClockWrong: the clocks of two hosts are too far apart.
	ReasonClockWrong Reason = "ClockWrong"
	// ReasonInvalidSetting: a setting cannot work.
	ReasonInvalidSetting Reason = "InvalidSetting"
	// ReasonInvalidTargets: the configuration of a target cannot work.
	ReasonInvalidTargets Reason = "InvalidTargets"
	// ReasonPollStuck: a poll of Temporal has long passed its deadline.
	ReasonPollStuck Reason = "PollStuck"
	// ReasonPostgresURLMalformed: the setting with the URL of Postgres cannot work.
	ReasonPostgresURLMalformed Reason = "PostgresURLMalformed"
	// ReasonQueryFailed: the workflow failed to answer a query.
	ReasonQueryFailed Reason = "QueryFailed"
	// ReasonResourcesUnreadable: the process cannot see how much memory and CPU it has.
	ReasonResourcesUnreadable Reason = "ResourcesUnreadable"
	// ReasonScheduleRefused: Temporal refuses the schedule of the sweep.
	ReasonScheduleRefused Reason = "ScheduleRefused"
	// ReasonSearchAttributesConflict: the namespace knows a search attribute by another type.
	ReasonSearchAttributesConflict Reason = "SearchAttributesConflict"
	// ReasonSearchAttributesMissing: the namespace does not know the search attributes.
	ReasonSearchAttributesMissing Reason = "SearchAttributesMissing"
	// ReasonSearchAttributesRefused: Temporal does not let us add the search attributes.
	ReasonSearchAttributesRefused Reason = "SearchAttributesRefused"
	// ReasonTemporalError: Temporal answered with an error that nobody foresaw.
	ReasonTemporalError Reason = "TemporalError"
	// ReasonTemporalRefused: Temporal refuses our credentials.
	ReasonTemporalRefused Reason = "TemporalRefused"
	// ReasonTemporalSettings: the settings of the connection to Temporal cannot work.
	ReasonTemporalSettings Reason = "TemporalSettings"
	// ReasonUnexpected: an error that nobody foresaw.
	ReasonUnexpected Reason = "Unexpected"
	// ReasonUnknownNamespace: Temporal does not know the namespace.
	ReasonUnknownNamespace Reason = "UnknownNamespace"
	// ReasonUnknownOperation: this worker does not know the Nexus operation.
	ReasonUnknownOperation Reason = "UnknownOperation"
	// ReasonWorkerFailed: Temporal has ended the worker's polls for good.
	ReasonWorkerFailed Reason = "WorkerFailed"
	// ReasonWorkerNotStarted: a worker did not start.
	ReasonWorkerNotStarted Reason = "WorkerNotStarted"
)
