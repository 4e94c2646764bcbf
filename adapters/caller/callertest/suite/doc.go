// Package suite is what a service sees of Everleaf, as tests: the real worker and the fake of package callertest both
// have to pass it.
package suite
