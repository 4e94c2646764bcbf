package configfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
	"everleaf/domain"
)

// secret is in the environment and in places where it does not belong; no error may show it.
const secret = "c2VjcmV0LXNlY3JldA"

func environment(name string) (string, error) {
	if name == "UNREADABLE" {
		return "", errors.New("UNREADABLE_FILE: no such file")
	}
	return map[string]string{
		"HMAC": secret, "HOST": "ca.example.com", "EMPTY": "", "INJECT": "x\nonlyReturnExisting: true", "BAD": secret +
			"!",
	}[name], nil
}

func all(delivery.Config) bool { return true }

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "everleaf.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func read(t *testing.T, text string) (string, []acme.Config, []delivery.Config, error) {
	t.Helper()
	path := written(t, text)
	f, err := Read(path)
	if err != nil {
		return path, nil, nil, err
	}
	issuers, err := f.Issuers(environment)
	if err != nil {
		return path, nil, nil, err
	}
	targets, err := f.Targets(environment, all)
	return path, issuers, targets, err
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	path, issuers, targets, err := read(t, `
---
# Two CAs.
issuers:
  - {name: main, preset: letsencrypt, email: ops@example.com, timeout: 10s}
  - name: spare
    preset: zerossl
    eab: {keyID: k-1, hmacKey: "${HMAC}"}
  - {name: inside, preset: step-ca, directory: "https://${HOST}/acme/acme/directory", caBundle: /etc/root.pem}
  - {name: plain, directory: https://ca.example.org/$$dir, onlyReturnExisting: true}
  - {name: moved, preset: google, onlyReturnExisting: true}
  - name: padded
    preset: google
    eab: {keyID: k, hmacKey: ab+/aa==}
targets:
  - {name: web, directory: {path: "/etc/tls/{name}", command: [nginx, -s, reload]}}
  - {name: hook, webhook: {url: "https://${HOST}/hook", secret: "whsec_${HMAC}"}}
`)
	require.NoError(t, err)
	at := func(i string) string { return path + ": issuers[" + i + "]" }
	require.Equal(t, []acme.Config{
		{Issuer: "main", Directory: LetsEncrypt, Email: "ops@example.com", Timeout: 10 * time.Second, Source: at("0")},
		{Issuer: "spare", Directory: "https://acme.zerossl.com/v2/DV90", EAB: acme.EAB{KeyID: "k-1", HMACKey: secret},
			Source: at("1")},
		{Issuer: "inside", Directory: "https://ca.example.com/acme/acme/directory", CABundle: "/etc/root.pem",
			Source: at("2")},
		{Issuer: "plain", Directory: "https://ca.example.org/$dir", OnlyReturnExisting: true, Source: at("3")},
		{Issuer: "moved", Directory: "https://dv.acme-v02.api.pki.goog/directory", OnlyReturnExisting: true,
			Source: at("4")},
		{Issuer: "padded", Directory: "https://dv.acme-v02.api.pki.goog/directory",
			EAB: acme.EAB{KeyID: "k", HMACKey: "ab-_aa"}, Source: at("5")},
	}, issuers)
	require.Equal(t, "/etc/tls/{name}", targets[0].Directory.Path)
	require.Equal(t, []string{"nginx", "-s", "reload"}, targets[0].Directory.Command)
	require.Equal(t, "whsec_"+secret, targets[1].Webhook.Secret)
}

// A process needs the variables of its own part only.
func TestPartsAreResolvedApart(t *testing.T) {
	t.Parallel()
	f, err := Read(written(t, `
issuers: [{name: a, directory: "https://${NOWHERE}/dir"}]
targets: [{name: hook, webhook: {url: https://example.com, secret: "${NOWHERE}"}}]
dns: [{zone: example.net, rfc2136: {server: ns1.example.net, tsig: {name: k, secret: "${NOWHERE}"}}}, {zone: "${HOST}", http: {url: "https://${HOST}"}}]`))
	require.NoError(t, err)
	_, err = f.Issuers(environment)
	require.ErrorContains(t, err, "NOWHERE")
	_, err = f.Targets(environment, all)
	require.ErrorContains(t, err, ", targets[0].webhook.secret cannot work")
	_, err = f.Zones(environment)
	require.ErrorContains(t, err, ", dns[0].rfc2136.tsig.secret cannot work")
	both := func(name string) (string, error) { return "$" + strings.ToLower(name), nil }
	for range 2 { // what one call puts in, the next does not read again
		targets, err := f.Targets(both, all)
		require.NoError(t, err)
		require.Equal(t, "$nowhere", targets[0].Webhook.Secret)
		zones, err := f.Zones(both)
		require.NoError(t, err)
		require.Equal(t, []dns01.ZoneConfig{
			{Zone: "example.net", RFC2136: &dns01.RFC2136{Server: "ns1.example.net",
				TSIG: &dns01.TSIG{Name: "k", Secret: "$nowhere"}}},
			{Zone: "$host", HTTP: &dns01.HTTP{URL: "https://$host"}},
		}, zones)
	}
	f, err = Read(written(t, `
targets:
  - {name: hook, webhook: {url: https://example.com, secret: "${NOWHERE}"}}
  - {name: gate, pull: {clients: ["${HOST}"]}}`))
	require.NoError(t, err)
	targets, err := f.Targets(environment, func(target delivery.Config) bool { return target.Pull != nil })
	require.NoError(t, err, "of what is not wanted nothing is needed")
	require.Equal(t, []delivery.Config{{Name: "gate", Pull: &delivery.Pull{Clients: []string{"ca.example.com"}},
		Source: "targets[1]"}}, targets)
	f, err = Read(written(t, "# nothing yet\n"))
	require.NoError(t, err)
	issuers, err := f.Issuers(environment)
	require.NoError(t, err)
	require.Empty(t, issuers)
}

func TestWhatCannotWorkIsNamedWithTheFix(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"issuers: [{name: a, directry: x}]":                               `issuers[0].directry cannot work: there is no such field; there are caBundle, directory, eab, email, name, onlyReturnExisting, preset, timeout`,
		"issuer: []":                                                      "issuer cannot work: there is no such field; there are dns, issuers, targets",
		"issuers: {name: a}":                                              "issuers cannot work: it is fields where a list belongs",
		"dns: [{zone: a, rfc2136: {serer: b}}]":                           "dns[0].rfc2136.serer cannot work: there is no such field; there are server, timeout, tsig",
		"dns: [{zone: a, cloudflare: {token: b}}]":                        "dns[0].cloudflare cannot work: there is no such field; there are ",
		"issuers: [a]":                                                    "issuers[0] cannot work: it is text where fields belongs",
		"issuers: [{name: 7}]":                                            "issuers[0].name cannot work: it is a number where text belongs; put it in quotes",
		"issuers: [{name: a, onlyReturnExisting: 'yes'}]":                 "issuers[0].onlyReturnExisting cannot work: it is text where true or false belongs",
		"issuers: [{name: a, name: b}]":                                   "already set",
		"issuers: [{preset: letsencrypt}]":                                "issuers[0].name cannot work: it is missing",
		"issuers: [{name: a}]":                                            "issuers[0].preset cannot work: it is missing, and so is directory: choose one of google, google-staging, letsencrypt,",
		"issuers: [{name: a, preset: lets-encrypt}]":                      `issuers[0].preset cannot work: there is none called "lets-encrypt"`,
		"issuers: [{name: a, preset: letsencrypt, directory: https://x}]": "issuers[0].directory cannot work: preset letsencrypt stands for https://acme-v02",
		"issuers: [{name: a, preset: step-ca}]":                           "issuers[0].directory cannot work: it is missing: step-ca is a CA of your own",
		"issuers: [{name: a, preset: google}]":                            "issuers[0].eab cannot work: it is missing: this CA makes an account only for credentials that it gave you. Get them by `gcloud",
		"issuers: [{name: a, preset: sslcom}]":                            "SSL.com's dashboard",
		"issuers: [{name: a, preset: zerossl}]":                           "ZeroSSL's dashboard",
		"issuers: [{name: a, preset: letsencrypt}, {name: b, preset: letsencrypt}, {name: a, directory: https://x}]": `issuers[2].name cannot work: "a" is the name of issuers[0] already`,
		"issuers: [{name: a, preset: letsencrypt, timeout: 30}]":                                                     "issuers[0].timeout cannot work: it is a number where text belongs",
		"issuers: [{name: a, preset: letsencrypt, timeout: -3s}]":                                                    "issuers[0].timeout cannot work: it is not a duration above 0",
		"issuers: [{name: a, preset: zerossl, eab: {hmacKey: '${HMAC}'}}]":                                           "issuers[0].eab.keyID cannot work: it is missing",
		"issuers: [{name: a, preset: zerossl, eab: {keyID: k}}]":                                                     "issuers[0].eab.hmacKey cannot work: it is missing",
		"issuers: [{name: a, preset: zerossl, eab: {keyID: k, hmacKey: '${BAD}'}}]":                                  "issuers[0].eab.hmacKey cannot work: it is not base64url",
		"issuers: [{name: a, preset: zerossl, eab: {keyID: k, hmacKey: " + secret +
			"!}}]": "issuers[0].eab.hmacKey cannot work: it is not base64url",
		"issuers: [{name: a, preset: zerossl, eab: {keyID: k, hmacKey: '${GONE}'}}]": "issuers[0].eab.hmacKey cannot work: the environment variable GONE that it refers to is not set, or empty",
		"issuers: [{name: a, directory: 'https://${UNREADABLE}'}]":                   "issuers[0].directory cannot work: UNREADABLE_FILE: no such file",
		"issuers: [{name: a, directory: 'https://${EMPTY}'}]":                        "issuers[0].directory cannot work: the environment variable EMPTY",
		"issuers: [{name: a, directory: 'https://$HOST'}]":                           "a dollar begins ${NAME}",
		"issuers: [{name: a, directory: 'https://${HOST'}]":                          "a dollar begins ${NAME}",
		"issuers: [{name: a, directory: 'https://${}'}]":                             "a dollar begins ${NAME}",
		// It is a name with a line end, no field.
		"issuers: [{name: '${INJECT}', preset: google}]": "issuers[0].eab cannot work",
		"issuers: [{name: a, eab: {hmacKey: *" + secret +
			"}}]": "it is not YAML: unknown anchor … referenced",
		"issuers: [{name: a\n  - b":                                     "it is not YAML: line ",
		"issuers: []\n---\ntargets: []\n":                               "several YAML documents",
		"targets: [{name: a, directory: {path: /x/{name}}}, {name: a}]": "it is not YAML",
		"targets: [{name: a}, {name: a}]":                               `targets[1].name cannot work: "a" is the name of targets[0] already`,
		"targets: [{name: a, Source: b}]":                               "targets[0].Source cannot work: there is no such field; there are ",
		"targets: [{pull: {clients: [a]}}]":                             "targets[0].name cannot work: it is missing: specs call the target by it",
		"targets: [{name: a, pull: {clients: [a, 5]}}]":                 "targets[0].pull.clients[1] cannot work: it is a number where text belongs",
	} {
		path, _, _, err := read(t, text)
		require.ErrorContains(t, err, says, text)
		require.ErrorContains(t, err, "--config (EVERLEAF_CONFIG) \""+path+"\"", text)
		require.EqualValues(t, "InvalidSetting", domain.AsFault(err).Reason)
		require.Equal(t, domain.FaultOperator, domain.AsFault(err).Kind)
		require.NotContains(t, err.Error(), secret, text)
	}
	_, err := Read(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorContains(t, err, "no such file")
}

// What only acme refuses is named by the field too.
func TestACMENamesTheField(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"issuers: [{name: a, directory: https://x}, {name: My CA, directory: https://x}]":            `issuers[1].name "My CA" cannot work: use 1 to 63`,
		"issuers: [{name: a, directory: https://x}, {name: b, directory: http://x}]":                 `issuers[1].directory "http://x" cannot work: it is not an https URL`,
		"issuers: [{name: a, directory: https://x}, {name: b, directory: https://x, email: x}]":      `issuers[1].email "x" cannot work`,
		"issuers: [{name: a, directory: https://x}, {name: b, directory: https://x, caBundle: /x-}]": `issuers[1].caBundle "/x-" cannot work: it cannot be read`,
	} {
		path, issuers, _, err := read(t, text)
		require.NoError(t, err)
		require.NoError(t, issuers[0].Validate())
		require.ErrorContains(t, issuers[1].Validate(), path+": "+says)
	}
}

// Each preset is a CA that acme takes as it stands.
func TestPresetsAreComplete(t *testing.T) {
	t.Parallel()
	for name, p := range presets {
		if p.own != "" {
			require.Empty(t, p.directory, name)
			continue
		}
		i := issuer{Name: "a", Preset: name}
		if p.eab != "" {
			i.EAB = &eab{KeyID: "k", HMACKey: secret}
		}
		config := i.resolve(func(field, fix string) { t.Errorf("%s: %s: %s", name, field, fix) })
		require.NoError(t, config.Validate(), name)
	}
}
