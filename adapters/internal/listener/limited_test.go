package listener

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client that holds all connections it may have without a request keeps nobody from being served, nor itself.
func TestAWaitingConnectionMakesRoomForARequest(t *testing.T) {
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
	idle := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}
	var open []net.Conn
	for range maxOpenByOne {
		conn, err := idle.Dial("tcp", "127.0.0.1:"+port)
		require.NoError(t, err)
		open = append(open, conn)
	}
	for _, address := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.2"} {
		response, err := from(address).Get("http://127.0.0.1:" + port + "/")
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "served", string(body))
	}
	_, err = open[0].Read(make([]byte, 1))
	require.Error(t, err, "the oldest is closed")
	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	l := newLimited(nil, "test", slog.New(slog.NewTextHandler(&log, nil)))
	enter := func(address string) *counted {
		entered, _ := l.enter(&remoteConn{remote: address + ":1"})
		return entered
	}
	var all []*counted
	for i := range maxOpen {
		c := enter(fmt.Sprintf("192.0.%d.%d", i>>8, i&0xff))
		require.NotNil(t, c)
		if i%2 == 0 {
			l.served(c)
		}
		all = append(all, c)
	}
	entered, closed := l.enter(&remoteConn{remote: "198.51.100.1:1"})
	require.NotNil(t, entered)
	require.Equal(t, all[1].Conn, closed, "the oldest that waits, and not the oldest")
	require.NoError(t, all[1].Close(), "which its server closes as well")
	require.Equal(t, maxOpen, l.open)
	for _, c := range append(all, entered) {
		l.served(c)
	}
	for range 3 {
		refused := &remoteConn{remote: "198.51.100.2:1"}
		entered, closed := l.enter(refused)
		require.Nil(t, entered)
		require.Equal(t, net.Conn(refused), closed, "nobody waits")
	}
	require.Equal(t, 1, strings.Count(log.String(), "too many connections"), "once in a while")
	for _, c := range append(all, entered) {
		for range 2 {
			require.NoError(t, c.Close())
		}
	}
	require.Zero(t, l.open)
	require.Empty(t, l.clients)
	require.Zero(t, l.waiting.Len())
}

func TestClientOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:5": "2001:db8:1:2::", "[fe80::1%eth0]:5": "fe80::", "pipe": "invalid IP"} {
		require.Equal(t, want, clientOf(&remoteConn{remote: remote}).String(), remote)
	}
}

// remoteConn has an address alone.
type remoteConn struct {
	net.Conn
	remote string
}

func (c *remoteConn) RemoteAddr() net.Addr { return c }
func (c *remoteConn) Network() string      { return "tcp" }
func (c *remoteConn) String() string       { return c.remote }
func (c *remoteConn) Close() error         { return nil }
