// Package postgres touches Postgres: it keeps orders, certificates, deliveries, accounts and HTTP-01 tokens.
//
// Each method is one statement, which is atomic by itself: what belongs together is a data-modifying CTE. Under READ
// COMMITTED such a statement does not see a row that another one commits meanwhile; so where the first writer wins,
// no row back means "lost a race, or nothing to do", and a second statement, on that rare path only, says which. The
// package does not decide when to try again: interpret says whether trying again may help.
package postgres
