package domain

import "time"

// tellAfter is the wait from which on a caller is told. The ladder's first rung is as long: every failure that is
// not waited out as the other side asked, in seconds, is told.
const tellAfter = time.Minute

// TellCaller says whether a caller who waits for a certificate is told of f at once: somebody must act, or the next
// try is a minute away or more. Otherwise he goes on waiting.
func (f Failure) TellCaller() bool {
	switch f.Fault.Kind {
	case FaultName, FaultOperator, FaultSpec:
		return true
	default:
		return f.RetryAt.Sub(f.At) >= tellAfter
	}
}
