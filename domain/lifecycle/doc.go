// Package lifecycle decides what comes next for one certificate's workflow: a pure machine of states, requests,
// outcomes and actions. Everything in it is replayed, and workflows replay no other rule of package domain.
//
// It orders and does not judge. When to renew, how long to back off, which issuer to ask, whether a caller is answered:
// that is policy. Steps decide it, and their answers are recorded.
//
// The state has no authority. What is in service, planned, delivered and to be revoked is stored in Postgres, and each
// step answers with that record, which wins.
//
// Package app/replaytest says how to change a rule, a field of the state, a reason or a step, and when that raises
// Version.
package lifecycle
