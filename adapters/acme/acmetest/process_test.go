package acmetest

import (
	"net"
	"testing"
)

// A server on the port may stop and start as it likes: no other pick gets the port as long as the test is at work.
func TestPortIsTheTestsOwn(t *testing.T) {
	var port int
	t.Run("test", func(t *testing.T) {
		port = FreePort(t)
		for range 2 {
			server, err := net.Listen("tcp", address(port))
			must(t, err)
			must(t, server.Close())
		}
		if other, err := net.ListenPacket("udp", address(port)); err == nil {
			_ = other.Close()
			t.Errorf("another pick would take %d too", port)
		}
	})
	other, err := net.ListenPacket("udp", address(port))
	must(t, err)
	must(t, other.Close())
}
