package outgoing

import (
	"net"
	"net/netip"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNoPublicAddressIsRefused(t *testing.T) {
	t.Parallel()
	for address, is := range map[string]string{
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "127.0.0.1": "this host's own",
		"127.255.255.254": "this host's own",
		"10.0.0.1":        "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private",
		"100.64.0.1": "of a provider's network", "100.100.100.200": "of a provider's network",
		"169.254.169.254": "link-local, where clouds have their metadata service",
		"168.63.129.16":   "a cloud's metadata service",
		"192.0.0.192":     "reserved", "192.0.2.1": "for documentation", "198.18.0.1": "for benchmarks",
		"198.19.255.255": "for benchmarks",
		"198.51.100.1":   "for documentation", "203.0.113.1": "for documentation", "192.88.99.1": "reserved",
		"224.0.0.1": "multicast", "239.255.255.255": "multicast", "240.0.0.1": "reserved",
		"255.255.255.255": "reserved",
		"::":              "unspecified", "::1": "this host's own", "::2": "reserved", "::127.0.0.1": "reserved",
		"::ffff:127.0.0.1": "this host's own", "::ffff:10.1.2.3": "private",
		"::ffff:169.254.169.254": "link-local, where clouds have their metadata service",
		"64:ff9b::7f00:1":        "this host's own", "64:ff9b::a00:1": "private",
		"64:ff9b::a9fe:a9fe": "link-local, where clouds have their metadata service",
		"64:ff9b:1::a00:1":   "reserved", "64:ff9b:0:0:0:1:a00:1": "reserved",
		"fe80::1": "link-local", "fe80::1%eth0": "link-local", "febf::1": "link-local", "fec0::1": "private",
		"fc00::1": "private", "fd00:ec2::254": "private", "fd20:ce::254": "private",
		"ff02::1": "multicast", "2001:db8::1": "for documentation", "3fff::1": "for documentation",
		"2001::1": "reserved", "2001:20::1": "reserved", "2002:7f00:1::": "of an IPv4 tunnel",
		"100::1": "reserved", "5f00::1": "reserved",
		"8000::1": "reserved", "e000::1": "reserved", "fb00::1": "reserved",
	} {
		err := Ranges(nil).Check(netip.MustParseAddr(address))
		var refused *Refused
		require.ErrorAs(t, err, &refused, address)
		require.Equal(t, is, refused.Is, address)
		require.NotContains(t, err.Error(), address+" ", "the address is not for everybody")
	}
	for _, address := range []string{"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255",
		"223.255.255.255",
		"::ffff:1.1.1.1", "64:ff9b::101:101", "2606:4700:4700::1111", "2a00:1450:4001:830::200e",
		"2001:4860:4860::8888", "2003::1"} {
		require.NoError(t, Ranges(nil).Check(netip.MustParseAddr(address)), address)
	}
}

func TestRangesAreAllowed(t *testing.T) {
	t.Parallel()
	ranges, err := Parse([]string{"10.1.0.0/16", " ::1", "127.0.0.1", "fd00::/8"})
	require.NoError(t, err)
	for _, address := range []string{"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "::1", "127.0.0.1", "fd12::1"} {
		require.NoError(t, ranges.Check(netip.MustParseAddr(address)), address)
	}
	for _, address := range []string{"10.2.0.1", "127.0.0.2", "fc00::1", "64:ff9b::a02:1"} {
		require.Error(t, ranges.Check(netip.MustParseAddr(address)), address)
	}
	for entry, says := range map[string]string{"10.0.0.1/8": "write 10.0.0.0/8", "10.0.0.0/33": "no range",
		"private":      "no range",
		"fe80::1%eth0": "no range", "::ffff:10.0.0.0/104": "no range", "": "no range"} {
		_, err := Parse([]string{"10.0.0.0/8", entry})
		require.ErrorContains(t, err, says, entry)
	}
}

// What a name leads to is known when the connection is made, and not before.
func TestTheDialerAsksForEachAddress(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"localhost", "127.0.0.1"} {
		_, err = (&net.Dialer{Timeout: time.Minute, Control: Ranges(nil).Control}).Dial("tcp", net.JoinHostPort(host, port))
		require.ErrorAs(t, err, new(*Refused), host)
	}
	loopback, err := Parse([]string{"127.0.0.0/8", "::1"})
	require.NoError(t, err)
	connection, err := (&net.Dialer{Timeout: time.Minute, Control: loopback.Control}).Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, connection.Close())
}

// The network policy's exceptions are the same ranges: a new one is added in both places.
func TestTheNetworkPolicyHasTheSameRanges(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../../cmd/everleaf/deploy/kustomize/components/network-policy/egress.yaml")
	require.NoError(t, err)
	excepted := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^ {14}- (\S+)$`).FindAllStringSubmatch(string(content), -1) {
		excepted[found[1]] = true
	}
	global := netip.MustParsePrefix("2000::/3")
	for _, s := range special {
		if s.prefix.Addr().Is4() || global.Overlaps(s.prefix) {
			require.True(t, excepted[s.prefix.String()], s.prefix)
			delete(excepted, s.prefix.String())
		}
	}
	require.Empty(t, excepted)
}
