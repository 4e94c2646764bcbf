package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/app"
)

const badFile = `issuers:
  - {name: main, preset: letsencrypt, emial: ops@example.com}
  - name: spare
    preset: zerossl
  - name: inside
    directory: https://ca.internal.example/dir
    caBundle: /nowhere/root.pem
targets:
  - name: web
    directory:
      path: relative/{name}
  - name: hook
    webhook:
      url: https://hooks.example.org
      secret: ${HOOK_SECRET}
dns:
  - zone: example.net
    rfc2136: {server: "ns1:none"}
`

// All that is wrong is shown at once, with line, field and fix, and nothing that may be secret.
func TestConfigCheckShowsEachProblem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "everleaf.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	check := func(args ...string) (*bench, int) {
		b := newBench(t)
		return b, b.run(t.Context(), append([]string{"config", "check", "--config", path}, args...)...)
	}
	write(badFile)
	b, code := check()
	b.exits(t, exitProblem, code)
	require.Equal(t, path+":2: issuers[0].emial: there is no such field; there are caBundle, directory, eab, email, name, "+
		"onlyReturnExisting, preset, timeout; is email meant?\n", b.out.String())
	require.Equal(t, "everleaf: 1 problem in "+path+"\n", b.err.String())

	write(strings.Replace(badFile, "emial", "email", 1))
	b, code = check()
	b.exits(t, exitProblem, code)
	lines := strings.Split(strings.TrimSpace(b.out.String()), "\n")
	require.Len(t, lines, 5, b.out.String())
	for i, says := range []string{
		":3: issuers[1].eab: it is missing: this CA makes an account only for credentials",
		`:7: issuers[2].caBundle: "/nowhere/root.pem" cannot work: it cannot be read`,
		`:11: targets[0].directory.path: "relative/{name}": give an absolute path`,
		":15: targets[1].webhook.secret: the environment variable HOOK_SECRET that it refers to is not set, or empty: set it",
		`:18: dns[0].rfc2136.server: "ns1:none": give the zone's primary server as host or host:port`,
	} {
		require.Contains(t, lines[i], path+says)
	}
	b, code = check("-o", "json")
	b.exits(t, exitProblem, code)
	var found app.FileCheck
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &found), "one document: %s", b.out)
	require.Len(t, found.Problems, 5)
	require.Equal(t, app.FileProblem{Line: 15, Field: "targets[1].webhook.secret",
		Message: "the environment variable HOOK_SECRET that it refers to is not set, or empty: set it"},
		found.Problems[3])
	require.Equal(t, []string{"main"}, found.Issuers)
	b, code = check("--roles", "pull,responder")
	b.exits(t, exitOK, code)
	require.Equal(t, path+" can be used by the roles responder,pull: 0 issuers, 0 targets, 0 DNS zones\n",
		b.out.String())

	t.Setenv("HOOK_SECRET", "not-a-secret")
	b, code = check("--roles", "delivery")
	b.exits(t, exitProblem, code)
	require.Contains(t, b.out.String(), ":15: targets[1].webhook.secret: each secret is \"whsec_\" and base64")
	require.NotContains(t, b.out.String(), "not-a-secret")

	write("targets: [{name: a, pull: {clients: ['*']}}, {name: a, pull: {clients: ['*']}}]\ndns: [{zone: e.net, http: {url: 'https://x'}}, {zone: E.net, http: {url: 'https://x'}}]")
	b, code = check()
	b.exits(t, exitProblem, code)
	require.Equal(t, path+": issuers: it is missing: name at least one CA\n"+
		path+":1: targets[1].name: \"a\" is the name of targets[0] already: give each its own name\n"+
		path+":2: dns[1].zone: \"E.net\": the zone of dns[0] as well; leave one of them out\n", b.out.String())

	write("issuers: [{name: default, preset: letsencrypt}]\ntargets: [{name: a, pull: {clients: ['*']}}]")
	b, code = check()
	b.exits(t, exitOK, code)
	require.Contains(t, b.out.String(), ": 1 issuer, 1 target, 0 DNS zones\n")

	write("issuers: [")
	b, code = check()
	b.exits(t, exitProblem, code)
	require.Contains(t, b.out.String(), path+": it is not YAML: ")
	require.NoError(t, os.Remove(path))
	b, code = check()
	b.exits(t, exitProblem, code)
	require.Contains(t, b.out.String(), path+": it cannot be read (")
	b = newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), "config", "check"))
}
