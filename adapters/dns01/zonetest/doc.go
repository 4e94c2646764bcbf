// Package zonetest is what every DNS zone has to do, as tests: a new one passes it by one line,
//
//	func TestZone(t *testing.T) { zonetest.Run(t, newSubject) }
package zonetest
