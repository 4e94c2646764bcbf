package telemetry

// own is a metric of Everleaf's: its exported name, and what it means, which is also its # HELP.
type own struct{ name, help string }

// Every metric of Everleaf's. Those of the SDK keep their names (temporal_…), as have Go's (go_…, process_…). Names are
// watched by other people's alerts: they are not changed. How to add them up is in metrics.md.
var (
	buildInfo = own{"everleaf_build_info", "Always 1; the labels are version, revision and Go version of this process."}

	configReloadFailed = own{"everleaf_config_reload_failed",
		"1 while the configuration file has changed and cannot be used, so that the former one stays in force; else 0."}

	postgresConnections = own{"everleaf_postgres_connections",
		"Connections to Postgres, by pool (main; listeners, for challenges and those who fetch certificates) and state: used, " +
			"idle, max."}

	ordersPlaced = own{"everleaf_orders_placed_total",
		"Orders placed at the CA, by issuer; resumed=true where an earlier try had placed it."}
	issuanceDuration = own{"everleaf_issuance_duration_seconds",
		"Time from an order's opening to its certificate's being stored, by issuer. Its count is that of certificates issued."}
	attemptsFailed = own{"everleaf_attempts_failed_total",
		"Attempts that failed, by issuer and kind: RateLimited, Wait, Name (its owner must act), CA, Operator (you must " +
			"act), Spec (the caller must)."}
	// A metric of its own: its label values are not known beforehand, so its series begin at 1 and not at 0, where
	// Prometheus' increase() does not see the first.
	failureReasons = own{"everleaf_failure_reasons_total",
		"Attempts that failed, by issuer, kind and reason. A series begins with its first failure: alert on " +
			"everleaf_attempts_failed_total."}
	renewalLag = own{"everleaf_renewal_lag_seconds", "How long after its planned instant a renewal began, by issuer."}
	ariChecks  = own{"everleaf_ari_checks_total",
		"Questions to the CA when to renew, by issuer and outcome: answered, moved (the certificate's workflow is " +
			"notified of another instant), failed."}
	sweepAge = own{"everleaf_sweep_age_seconds",
		"How long ago this process ended a sweep's look at renewals; before its first, how long it runs. Take min: one " +
			"process ends each."}
	sweeps = own{"everleaf_sweeps_total",
		"Sweeps whose look at renewals came to its end here. What it did is in everleaf_ari_checks_total and " +
			"everleaf_delivery_drifts_total."}
	sweepInterval = own{"everleaf_sweep_interval_seconds",
		"How often sweeps are to begin; 0 if this process schedules none."}
	revocations = own{"everleaf_revocations_total", "Certificates revoked, by issuer and reason (RFC 5280)."}

	deliveries       = own{"everleaf_deliveries_total", "Deliveries that a target has confirmed, by target."}
	deliveryFailures = own{"everleaf_delivery_failures_total",
		"Deliveries and removals that failed, by target and kind; everleaf_deliveries in Postgres says which and why."}
	deliveryDrifts = own{"everleaf_delivery_drifts_total",
		"Deliveries that their target has lost or changed and that are made again, by target."}

	failingDeliveries = own{"everleaf_deliveries_failing",
		"Targets that do not have what they should since a delivery there, or a removal, failed; the view " +
			"everleaf_deliveries in Postgres says which and why."}
	failingRetirements = own{"everleaf_retirements_failing",
		"Retirements that are held up: a target cannot be cleared, or a revocation fails. everleaf cert list --state " +
			"Retiring says which and why."}

	certificates = own{"everleaf_certificates",
		"Certificates that are kept, by state (Revoked: in service all the same; Retiring: not for long) and by the issuer of the one in service " +
			"(none before the first)."}
	expiring = own{"everleaf_certificates_expiring",
		"Certificates in service with at most this much left of their validity; within=0s are expired. Each includes the " +
			"shorter ones. Those that are retired do not count."}
	nextExpiry = own{"everleaf_next_expiry_seconds",
		"Seconds until the first certificate in service expires, below zero if one has. Absent while there is none."}
	fleetStatsAge = own{"everleaf_fleet_stats_age_seconds",
		"How old the counts of everleaf_certificates and its like are; before the first count, how long it has been missing."}
	fleetStatsFailures = own{"everleaf_fleet_stats_failures_total", "Counts of the certificates that failed."}
)
