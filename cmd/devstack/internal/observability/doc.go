// Package observability holds the check of Everleaf's alert rules and dashboard with Prometheus' own parsers, whose
// module is too large for the product's.
package observability
