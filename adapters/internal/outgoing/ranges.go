package outgoing

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// Ranges are addresses that are allowed all the same, as those of an internal PKI are.
type Ranges []netip.Prefix

// Parse reads ranges, as 10.0.0.0/8 or fd00::/8, and single addresses. The error names the entry and the fix.
func Parse(entries []string) (Ranges, error) {
	var ranges Ranges
	for _, entry := range entries {
		entry = strings.TrimSpace(entry)
		if address, err := netip.ParseAddr(entry); err == nil && address.Zone() == "" {
			ranges = append(ranges, netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(entry)
		switch {
		case err != nil, prefix.Addr().Is4In6():
			return nil, fmt.Errorf("%q is no range of addresses: write it as 10.0.0.0/8 or fd00::/8", entry)
		case prefix != prefix.Masked():
			return nil, fmt.Errorf("%q has bits behind its length: write %s", entry, prefix.Masked())
		}
		ranges = append(ranges, prefix)
	}
	return ranges, nil
}

// Refused is why an address is not connected to. It names the range and not the address: what a name leads to inside a
// network is not for everybody.
type Refused struct {
	// Range is the one that the address is in, and Is what that is.
	Range netip.Prefix
	Is    string
}

func (r *Refused) Error() string { return fmt.Sprintf("the address is %s (%s)", r.Is, r.Range) }

// Check refuses an address that is not a public one, unless it is in one of the ranges. The error is a *Refused.
func (r Ranges) Check(address netip.Addr) error {
	address = address.WithZone("").Unmap()
	for _, prefix := range r {
		if prefix.Contains(address) {
			return nil
		}
	}
	if address.Is6() && nat64.Contains(address) {
		bytes := address.As16()
		return r.Check(netip.AddrFrom4([4]byte(bytes[12:])))
	}
	for _, s := range special {
		if s.prefix.Contains(address) {
			return &Refused{Range: s.prefix, Is: s.is}
		}
	}
	return nil
}

// Control is for a net.Dialer: it is called with each address, after the look-up and before the connection.
func (r Ranges) Control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect: the address cannot be read")
	}
	return r.Check(target.Addr())
}
