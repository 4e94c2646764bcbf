// Package postgres touches Postgres: it keeps certificates with their orders, deliveries and events, accounts,
// challenges, and the table of processes.
//
// Each change is one statement, which is atomic by itself: what belongs together is a data-modifying CTE. Where the
// record after it is the answer, a second statement reads that, in the same round trip and transaction. Under READ
// COMMITTED a change does not see a row that another one commits meanwhile; so where the first writer wins, no row back
// means "lost a race, or nothing to do", and a further statement, on that rare path only, says which. The package does
// not decide when to try again: interpret says whether trying again may help.
package postgres
