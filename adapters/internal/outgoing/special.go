package outgoing

import "net/netip"

// nat64 are IPv4 addresses as IPv6 ones (RFC 6052 §2.1): they are what they hold.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// special are the addresses that are no public hosts': those of IANA's special-purpose registries (RFC 6890, as of
// 2025), multicast (RFC 5771, RFC 4291 §2.7), what is reserved, and a cloud's metadata service at a public address. The
// metadata services of the other clouds are in these ranges: 169.254.169.254, fd00:ec2::254, 100.100.100.200,
// 192.0.0.192. The narrower range comes first where one is in another.
var special = []struct {
	prefix netip.Prefix
	is     string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "of a provider's network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this host's own"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata service"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds have their metadata service"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},

	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "this host's own"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "private"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	// Of 2000::/3, which is all that is given to hosts.
	{netip.MustParsePrefix("2001::/23"), "reserved"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "of an IPv4 tunnel"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
	// All but 2000::/3: NAT64 with a prefix of one's own, discard-only, IPv4-compatible and whatever is not given yet.
	{netip.MustParsePrefix("::/3"), "reserved"},
	{netip.MustParsePrefix("4000::/2"), "reserved"},
	{netip.MustParsePrefix("8000::/1"), "reserved"},
}
