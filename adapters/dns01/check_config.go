package dns01

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"everleaf/adapters/internal/kinds"
	"everleaf/adapters/internal/problems"
	"everleaf/adapters/internal/program"
	"everleaf/adapters/internal/timeout"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	defaultUpdateTimeout = 10 * time.Second
	defaultHTTPTimeout   = 30 * time.Second
	maxTimeout           = time.Minute
	leastTSIGSecret      = 16 // bytes: RFC 8945 §9 wants half the output of the hash at least, and names 128 bits
)

var (
	// zoneName is one of A-labels; service labels begin with an underscore.
	zoneName   = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	hostName   = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)
	algorithms = []string{"hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}
)

// Check refuses zones that cannot work; nobody is contacted. Faults, one for each problem, are Operator
// "InvalidSetting"; each names the field as dns[0].rfc2136.server, the fix, and the value unless that may be secret.
func Check(zones []ZoneConfig) error {
	seen := map[string]int{}
	var found []error
	for i, zone := range zones {
		for _, p := range problems.Each(zone.check()) {
			found = append(found,
				domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil, "dns[%d]%s", i, p.Error()))
		}
		name := canonical(zone.Zone)
		if first, ok := seen[name]; ok {
			found = append(found, domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
				"dns[%d].zone %q: the zone of dns[%d] as well; leave one of them out", i, zone.Zone, first))
			continue
		}
		seen[name] = i
	}
	return problems.Join(found...)
}

// Validate refuses settings that cannot work, zones included; nobody is contacted. The fault is Operator
// "InvalidSetting".
func (c Config) Validate() error {
	if err := Check(c.Zones); err != nil {
		return err
	}
	if _, err := withPort(c.Resolver, defaultPort); c.Resolver != "" && err != nil {
		return invalidFault("dns01-resolver", "DNS01_RESOLVER", c.Resolver,
			"use host or host:port, for example 192.0.2.53, or leave it out for the system's")
	}
	if c.CheckPort < 0 || c.CheckPort > 1<<16-1 {
		return invalidFault("dns01-check-port", "DNS01_CHECK_PORT", strconv.Itoa(c.CheckPort),
			"use 1 to 65535; name servers are at 53")
	}
	if c.Check != "" && c.Check != CheckAuthoritative && c.Check != CheckRecursive {
		return invalidFault("dns01-check", "DNS01_CHECK", string(c.Check), "choose authoritative or recursive")
	}
	return nil
}

func invalidFault(flag, variable, value, fix string) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
		"--%s (EVERLEAF_%s) %q cannot work: %s",
		flag, variable, value, fix)
}

func (c ZoneConfig) check() error {
	var zone error
	if name := canonical(c.Zone); !zoneName.MatchString(name) || len(name) > 253 {
		zone = fieldError("zone", c.Zone, "give the zone's DNS name, for example acme.example.net; names beyond ASCII as "+
			"xn--…")
	}
	_, kind, err := c.Kind()
	if err != nil {
		return problems.Join(zone, fmt.Errorf(" (%s): %w", c.Zone, err))
	}
	return problems.Join(zone, kind.Check())
}

// Shown are the zone's settings that hold no secret. A kind that does not say which those are shows its name alone.
func (c ZoneConfig) Shown() ports.Settings {
	name, kind, err := c.Kind()
	if err != nil {
		return nil
	}
	return kinds.Shown(name, kind)
}

// Shown is part of ZoneConfig.Shown.
func (c RFC2136) Shown() ports.Settings {
	shown := ports.Settings{"server": c.Server, "timeout": c.Timeout}
	if c.TSIG != nil {
		shown["tsig.name"], shown["tsig.algorithm"] = c.TSIG.Name, c.TSIG.Algorithm
	}
	return shown
}

// Shown is part of ZoneConfig.Shown. The URL's path may hold a key.
func (c HTTP) Shown() ports.Settings {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil
	}
	return ports.Settings{"url": u.Scheme + "://" + u.Host, "timeout": c.Timeout}
}

// Shown is part of ZoneConfig.Shown.
func (c Exec) Shown() ports.Settings {
	return ports.Settings{"command": program.Name(c.Command), "env": strings.Join(c.Env, ", "), "timeout": c.Timeout}
}

// Missing says what of one zone's settings this host does not have, each from its field on: programs, and variables for
// them. It is nothing wrong with settings that are read on another host than the worker's.
func (c ZoneConfig) Missing() error {
	_, kind, err := c.Kind()
	if local, ok := kind.(interface{ Missing() error }); ok && err == nil {
		return local.Missing()
	}
	return nil
}

// Check implements ZoneKind.
func (c RFC2136) Check() error {
	var server error
	if _, err := withPort(c.Server, defaultPort); err != nil {
		server = fieldError("rfc2136.server", c.Server,
			"give the zone's primary server as host or host:port, for example ns1.example.net:53")
	}
	return problems.Join(server, c.TSIG.check(), checkTimeout("rfc2136.timeout", c.Timeout))
}

func (t *TSIG) check() error {
	if t == nil {
		return nil
	}
	var name, algorithm, key error
	if !hostName.MatchString(t.Name) {
		name = fieldError("rfc2136.tsig.name", t.Name, "give the key's name as the server has it, for example everleaf")
	}
	if t.Algorithm != "" && !slices.Contains(algorithms, strings.ToLower(t.Algorithm)) {
		algorithm = fieldError("rfc2136.tsig.algorithm", t.Algorithm, "choose one of "+strings.Join(algorithms, ", "))
	}
	if secret, err := base64.StdEncoding.DecodeString(t.Secret); err != nil || len(secret) < leastTSIGSecret {
		key = concealedFieldError("rfc2136.tsig.secret",
			"give the key in base64, 16 bytes or more, as tsig-keygen prints it, through an environment "+
				"variable, as ${NAME}")
	}
	return problems.Join(name, algorithm, key)
}

// Check implements ZoneKind. It shows no part of the URL, which may hold a password.
func (c HTTP) Check() error {
	return problems.Join(c.checkURL(), c.checkCredentials(), checkTimeout("http.timeout", c.Timeout))
}

func (c HTTP) checkURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return concealedFieldError("http.url", "use an https URL with a host, for example https://dns.example.org/acme")
	case u.User != nil:
		return concealedFieldError("http.url",
			"it must not hold a user name or password: give them as username and password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return concealedFieldError("http.url", "leave out query and fragment: /present and /cleanup are put behind it")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return concealedFieldError("http.url",
			"use https: http shows password and records to the network, and is for 127.0.0.1, [::1] and localhost alone")
	}
	return nil
}

func (c HTTP) checkCredentials() error {
	switch {
	case c.Username == "" && c.Password != "":
		return concealedFieldError("http.username", "it is missing beside the password; give both or neither")
	case c.Username != "" && c.Password == "":
		return concealedFieldError("http.password",
			"it is missing beside the username; give it through an environment variable, as ${NAME}")
	case strings.Contains(c.Username, ":"): // RFC 7617 §2
		return concealedFieldError("http.username", `it must not hold ":", which ends it in basic authentication`)
	}
	return nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// withPort is a server's host:port.
func withPort(server string, port int) (string, error) {
	host, given, err := net.SplitHostPort(server)
	if err != nil {
		host, given = strings.TrimSuffix(strings.TrimPrefix(server, "["), "]"), strconv.Itoa(port)
	}
	if n, err := strconv.ParseUint(given, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("port %q is none", given)
	}
	if _, err := netip.ParseAddr(host); err != nil && !hostName.MatchString(host) {
		return "", fmt.Errorf("%q is no host", host)
	}
	return net.JoinHostPort(host, given), nil
}

func checkTimeout(name, value string) error {
	if fix := timeout.Fix(value, "10s", maxTimeout); fix != "" {
		return fieldError(name, value, fix)
	}
	return nil
}

// fieldError is about one field; the caller, which knows the zone, puts that in front.
func fieldError(name, value, fix string) error { return fmt.Errorf(".%s %q: %s", name, value, fix) }

// concealedFieldError is a complaint about a value that is not shown.
func concealedFieldError(name, fix string) error { return fmt.Errorf(".%s: %s", name, fix) }
