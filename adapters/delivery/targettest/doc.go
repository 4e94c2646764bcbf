// Package targettest is what every delivery target has to do, as tests: a new one passes it by one line,
//
//	func TestTarget(t *testing.T) { targettest.Run(t, newSubject) }
package targettest
