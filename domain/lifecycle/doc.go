// Package lifecycle decides what comes next for one certificate's workflow: a pure machine of states, requests,
// outcomes and actions. Everything in it is replayed, and workflows replay no other rule of package domain.
//
// It orders and does not judge. When to renew, how long to back off, which issuer to ask, whether a caller is answered:
// that is policy. Steps decide it, and their answers are recorded.
//
// The state has no authority. What is in service, planned, delivered and to be revoked is stored in Postgres, and each
// step answers with that record, which wins.
//
// A change of a rule here raises Version: a run that began under a lower one continues as new when it wakes.
package lifecycle
