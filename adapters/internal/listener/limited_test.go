package listener

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What one client opens beyond its limit is closed at once; others are served meanwhile, and so is that one again when
// its connections have ended.
func TestConnectionsOfOneClientAreLimited(t *testing.T) {
	t.Parallel()
	l := New(Config{Name: "test", Setting: "test", Listen: "0.0.0.0:0", WriteTimeout: 5 * time.Second},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") }),
		slog.New(slog.DiscardHandler))
	require.NoError(t, l.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, l.Stop(context.Background())) })
	_, port, err := net.SplitHostPort(l.Addr())
	require.NoError(t, err)
	from := func(address string) *http.Client {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}, Timeout: time.Minute}
	}
	get := func(client *http.Client) (string, error) {
		response, err := client.Get("http://127.0.0.1:" + port + "/")
		if err != nil {
			return "", err
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	idle := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}
	var open []net.Conn
	for range maxOpenByOne {
		conn, err := idle.Dial("tcp", "127.0.0.1:"+port)
		require.NoError(t, err)
		open = append(open, conn)
	}
	require.Eventually(t, func() bool {
		_, err := get(from("127.0.0.2"))
		return err != nil
	}, 30*time.Second, time.Millisecond, "when all of them are accepted")
	served, err := get(from("127.0.0.3"))
	require.NoError(t, err)
	require.Equal(t, "served", served)
	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool {
		served, err := get(from("127.0.0.2"))
		return err == nil && served == "served"
	}, 30*time.Second, time.Millisecond)
}

func TestLimitsAreCounted(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	l := newLimited(nil, "test", slog.New(slog.NewTextHandler(&log, nil)))
	for i := range maxOpen {
		require.True(t, l.enter(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})))
	}
	for range 3 {
		require.False(t, l.enter(netip.MustParseAddr("198.51.100.1")), "there is no room in all")
	}
	require.Equal(t, 1, strings.Count(log.String(), "too many connections"), "once in a while")
	l.leave(netip.AddrFrom4([4]byte{192, 0, 0, 0}))
	require.True(t, l.enter(netip.MustParseAddr("198.51.100.1")))
	require.Len(t, l.by, maxOpen)
	for client, n := range l.by {
		for range n {
			l.leave(client)
		}
	}
	require.Zero(t, l.open)
	require.Empty(t, l.by)
}

func TestClientOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:5": "2001:db8:1:2::", "[fe80::1%eth0]:5": "fe80::", "pipe": "invalid IP"} {
		require.Equal(t, want, clientOf(remoteConn{remote: remote}).String(), remote)
	}
}

// remoteConn has an address alone.
type remoteConn struct {
	net.Conn
	remote string
}

func (c remoteConn) RemoteAddr() net.Addr { return c }
func (c remoteConn) Network() string      { return "tcp" }
func (c remoteConn) String() string       { return c.remote }
