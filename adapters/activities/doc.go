// Package activities touches Postgres, the CA and the challenges on behalf of the workflow: one file per step, each a
// method that calls ports. Errors are classified once, in classify.go, as they leave.
package activities
