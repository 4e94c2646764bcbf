package dns01_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/internal/program"
	"everleaf/domain"
	"everleaf/ports"
)

// Each setting that cannot work is refused by its name and with the fix; what may be secret is not shown.
func TestSettings(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
	rfc2136 := func(server string, tsig *dns01.TSIG) dns01.ZoneConfig {
		return dns01.ZoneConfig{Zone: "a.test", RFC2136: &dns01.RFC2136{Server: server, TSIG: tsig}}
	}
	http := func(c dns01.HTTP) dns01.ZoneConfig { return dns01.ZoneConfig{Zone: "a.test", HTTP: &c} }
	for message, config := range map[string]dns01.Config{
		"": {Zones: []dns01.ZoneConfig{
			{Zone: "Acme.Example.net.", RFC2136: &dns01.RFC2136{Server: "ns1.example.net"}},
			{Zone: "_acme-challenge.example.org", RFC2136: &dns01.RFC2136{Server: "[2001:db8::1]:5353", Timeout: "30s",
				TSIG: &dns01.TSIG{Name: "everleaf.", Algorithm: "HMAC-SHA512", Secret: secret}}},
			{Zone: "example.com", HTTP: &dns01.HTTP{URL: "https://dns.example.org/acme/", Username: "everleaf",
				Password: secret}},
			{Zone: "example.net", HTTP: &dns01.HTTP{URL: "http://127.0.0.1:8080"}},
			{Zone: "example.info", HTTP: &dns01.HTTP{URL: "http://[::1]:8080"}},
		}, Resolver: "2001:db8::53", CheckPort: 5353, Check: dns01.CheckRecursive},
		`dns[0].zone "": give the zone's DNS name`:                        {Zones: []dns01.ZoneConfig{{}}},
		`dns[0].zone "*.a.test": give`:                                    {Zones: []dns01.ZoneConfig{{Zone: "*.a.test"}}},
		`dns[0].zone "ä.test": give`:                                      {Zones: []dns01.ZoneConfig{{Zone: "ä.test"}}},
		`dns[0] (a.test): it has no kind; give it exactly one of rfc2136`: {Zones: []dns01.ZoneConfig{{Zone: "a.test"}}},
		`dns[1].zone "A.test.": the zone of dns[0] as well`: {Zones: []dns01.ZoneConfig{rfc2136("a",
			nil), {Zone: "A.test.", RFC2136: &dns01.RFC2136{Server: "b"}}}},
		`dns[0].rfc2136.server "": give`: {Zones: []dns01.ZoneConfig{rfc2136("",
			nil)}},
		`dns[0].rfc2136.server "a:0": give`: {Zones: []dns01.ZoneConfig{rfc2136("a:0",
			nil)}},
		`dns[0].rfc2136.server "https://a": give`: {Zones: []dns01.ZoneConfig{rfc2136("https://a", nil)}},
		`dns[0].rfc2136.tsig.name "": give the key's name`: {Zones: []dns01.ZoneConfig{rfc2136("a",
			&dns01.TSIG{Secret: secret})}},
		`dns[0].rfc2136.tsig.algorithm "hmac-md5": choose one of`: {Zones: []dns01.ZoneConfig{rfc2136("a",
			&dns01.TSIG{Name: "k", Algorithm: "hmac-md5", Secret: secret})}},
		`dns[0].rfc2136.tsig.secret: give the key in base64`: {Zones: []dns01.ZoneConfig{rfc2136("a",
			&dns01.TSIG{Name: "k", Secret: "c2VjcmV0"})}},
		`dns[0].rfc2136.timeout "2m": use a time such as 10s`: {Zones: []dns01.ZoneConfig{{Zone: "a.test",
			RFC2136: &dns01.RFC2136{Server: "a", Timeout: "2m"}}}},
		`dns[0].http.url: use an https URL`:                                {Zones: []dns01.ZoneConfig{http(dns01.HTTP{URL: "dns.secret.example.org"})}},
		`dns[0].http.url: use https: http shows password`:                  {Zones: []dns01.ZoneConfig{http(dns01.HTTP{URL: "http://dns.secret.example.org"})}},
		`dns[0].http.url: it must not hold a user name or password`:        {Zones: []dns01.ZoneConfig{http(dns01.HTTP{URL: "https://u:secret@dns.example.org"})}},
		`dns[0].http.url: leave out query and fragment`:                    {Zones: []dns01.ZoneConfig{http(dns01.HTTP{URL: "https://dns.example.org/?key=secret"})}},
		`dns[0].http.username: it is missing beside the password`:          {Zones: []dns01.ZoneConfig{http(dns01.HTTP{URL: "https://a.test", Password: "secret"})}},
		`dns[0].http.password: it is missing beside the username`:          {Zones: []dns01.ZoneConfig{http(dns01.HTTP{URL: "https://a.test", Username: "u"})}},
		`dns[0].http.username: it must not hold ":"`:                       {Zones: []dns01.ZoneConfig{http(dns01.HTTP{URL: "https://a.test", Username: "u:secret", Password: "p"})}},
		`--dns01-resolver (EVERLEAF_DNS01_RESOLVER) "a b" cannot work:`:    {Resolver: "a b"},
		`--dns01-check-port (EVERLEAF_DNS01_CHECK_PORT) "-1" cannot work:`: {CheckPort: -1},
		`--dns01-check (EVERLEAF_DNS01_CHECK) "all" cannot work: choose`:   {Check: "all"},
	} {
		_, err := dns01.NewSolver(config, newRecords())
		if message == "" {
			require.NoError(t, err)
			continue
		}
		fault := requireFault(t, err, domain.FaultOperator, "InvalidSetting", message)
		require.NotContains(t, fault.Error(), "secret.example")
		require.NotContains(t, fault.Error(), "=secret")
		require.NotContains(t, fault.Error(), ":secret")
	}
}

// What a process says of its zones holds no secret, and nothing made from one.
func TestShownHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config dns01.ZoneConfig
		shown  ports.Settings
	}{
		{dns01.ZoneConfig{RFC2136: &dns01.RFC2136{Server: "ns1", TSIG: &dns01.TSIG{Name: "k", Secret: "secret"}}},
			ports.Settings{"kind": "rfc2136", "server": "ns1", "tsig.name": "k"}},
		{dns01.ZoneConfig{HTTP: &dns01.HTTP{URL: "https://d.example.com/secret", Username: "u", Password: "secret"}},
			ports.Settings{"kind": "http", "url": "https://d.example.com"}},
		{dns01.ZoneConfig{Exec: &dns01.Exec{Settings: program.Settings{
			Command: []string{"/bin/x", "secret"}, Env: []string{"TOKEN"}}}},
			ports.Settings{"kind": "exec", "command": "/bin/x", "env": "TOKEN"}},
		{dns01.ZoneConfig{}, nil},
	} {
		require.Equal(t, c.shown, c.config.Shown())
	}
}
