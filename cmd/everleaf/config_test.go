package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
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
	lines := strings.Split(strings.TrimSpace(b.out.String()), "\n")
	require.Len(t, lines, 7, b.out.String())
	require.Equal(t, path+":2: issuers[0].emial: there is no such field; there are caBundle, directory, eab, email, name, "+
		"onlyReturnExisting, preset, timeout; is email meant?", lines[0])
	require.Equal(t, "everleaf: 7 problems in "+path+"\n", b.err.String())

	write(strings.Replace(badFile, "emial", "email", 1))
	b, code = check()
	b.exits(t, exitProblem, code)
	lines = strings.Split(strings.TrimSpace(b.out.String()), "\n")
	require.Len(t, lines, 6, b.out.String())
	for i, says := range []string{
		":3: issuers[1].eab: it is missing: this CA makes an account only for credentials",
		`:7: issuers[2].caBundle: "/nowhere/root.pem" cannot work: it cannot be read`,
		`:11: targets[0].directory.path: "relative/{name}": give an absolute path`,
		":13: targets[1].webhook.tokenURL: give the https URL",
		":15: targets[1].webhook.secret: the environment variable HOOK_SECRET that it refers to is not set, or empty: set it, " +
			"or HOOK_SECRET_FILE to the path of a file with it",
		`:18: dns[0].rfc2136.server: "ns1:none": give the zone's primary server as host or host:port`,
	} {
		require.Contains(t, lines[i], path+says)
	}
	b, code = check("-o", "json")
	b.exits(t, exitProblem, code)
	var found app.FileCheck
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &found), "one document: %s", b.out)
	require.Len(t, found.Problems, 6)
	require.Equal(t, app.FileProblem{Line: 15, Field: "targets[1].webhook.secret",
		Message: "the environment variable HOOK_SECRET that it refers to is not set, or empty: set it, " +
			"or HOOK_SECRET_FILE to the path of a file with it"},
		found.Problems[4])
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

// One mistake hides no other, in the same entry either, and is not reported twice.
// What a worker refuses in this environment is no good file here; one that asks no CA takes it.
func TestConfigCheckKnowsTheCAsVariables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "everleaf.yaml")
	require.NoError(t, os.WriteFile(path, []byte("issuers: [{name: a, preset: letsencrypt}]"), 0o600))
	for roles, code := range map[string]int{"workflows": exitProblem, "delivery": exitOK} {
		b := newBench(t)
		t.Setenv("EVERLEAF_ACME_DIRECTORY", "https://ca.example/dir")
		b.exits(t, code, b.run(t.Context(), "config", "check", "--config", path, "--roles", roles))
		if code == exitProblem {
			require.Contains(t, b.out.String(), "EVERLEAF_ACME_DIRECTORY is set, and a worker takes its issuers from the file alone")
		}
		b = newBench(t)
		t.Setenv("EVERLEAF_ACME_DIRECTORY", "https://ca.example/dir")
		refused := b.run(t.Context(), "worker", "--config", path, "--roles", roles, "--postgres-url", "p", "--sealing-key",
			"file:///k") != exitOK
		require.Equal(t, code == exitProblem, refused, "%s: %s", roles, b.err.String())
	}
}

func TestConfigCheckShowsAllOfAnEntry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "everleaf.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`issuers:
  - name: My CA
    direcory: http://${NOWHERE}/dir
    email: Ops <ops@example.com>
    timeout: 30
    eab: {keyID: "${NOWHERE}", hmacKey: "!"}
  - name: [7]
    preset: lets-encrypt
    email: x
targets:
  - name: Web
    directory: {path: "${NOWHERE}", combined: a/b, owner: a b, command: [""], timeout: 1h}
  - name: hook
    webhook: {url: http://x, secret: "${NOWHERE}", key: none, tokenURL: https://x, recipient: age, caBundle: /nowhere, timeout: x}
  - name: gate
    pull: {clients: ["", "*.a", b, 7]}
  - name: none
dns:
  - zone: a_b
    rfc2136: {server: "x:none", timeout: x, tsig: {name: "a b", algorithm: md5, secret: "${NOWHERE}"}}
  - zone: example.net
    http: {url: ftp://x, password: p, timeout: x}
  - zone: example.net
    exec: {command: [], env: ["a b"], timeout: x}
`), 0o600))
	b := newBench(t)
	b.exits(t, exitProblem, b.run(t.Context(), "config", "check", "--config", path, "-o", "json"))
	var found app.FileCheck
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &found))
	var at []string
	for _, p := range found.Problems {
		require.NotZero(t, p.Line, p.Field)
		require.NotEmpty(t, p.Message)
		at = append(at, p.Field)
	}
	slices.Sort(at)
	require.Equal(t, []string{
		"dns[0].rfc2136.server", "dns[0].rfc2136.timeout", "dns[0].rfc2136.tsig.algorithm", "dns[0].rfc2136.tsig.name",
		"dns[0].rfc2136.tsig.secret", "dns[0].zone",
		"dns[1].http.timeout", "dns[1].http.url", "dns[1].http.username",
		"dns[2].exec.command", "dns[2].exec.env[0]", "dns[2].exec.timeout", "dns[2].zone",
		"issuers[0].direcory", "issuers[0].directory", "issuers[0].eab.hmacKey", "issuers[0].eab.keyID",
		"issuers[0].email", "issuers[0].name", "issuers[0].timeout",
		"issuers[1].email", "issuers[1].name", "issuers[1].preset",
		"targets[0].directory.combined", "targets[0].directory.command[0]", "targets[0].directory.owner",
		"targets[0].directory.path", "targets[0].directory.timeout", "targets[0].name",
		"targets[1].webhook.caBundle", "targets[1].webhook.recipient", "targets[1].webhook.secret",
		"targets[1].webhook.timeout", "targets[1].webhook.tokenURL", "targets[1].webhook.url",
		"targets[2].pull.clients[0]", "targets[2].pull.clients[1]", "targets[2].pull.clients[3]",
		"targets[3]",
	}, at, b.out.String())
	require.Empty(t, found.Issuers)
	require.Empty(t, found.Targets)
	require.Empty(t, found.Zones)
}

// The worker's host may have a program that this one has not.
func TestConfigCheckWarnsOfMissingPrograms(t *testing.T) {
	dir := t.TempDir()
	path, plainFile := filepath.Join(dir, "everleaf.yaml"), filepath.Join(dir, "update")
	require.NoError(t, os.WriteFile(plainFile, []byte("#!/bin/sh\n"), 0o600))
	require.NoError(t, os.WriteFile(path, []byte(`issuers: [{name: default, preset: letsencrypt}]
targets:
  - {name: web, directory: {path: "/etc/tls/{name}", command: [no-such-program, -s, secret]}}
  - {name: box, exec: {command: [`+plainFile+`], env: [NO_SUCH_VARIABLE, PATH]}}
  - {name: good, exec: {command: [sh, -c, "true"]}}
dns:
  - {zone: example.net, exec: {command: [/nowhere/dns]}}
`), 0o600))
	b := newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), "config", "check", "--config", path))
	for _, says := range []string{
		`:3: targets[0].directory.command[0]: warning: "no-such-program": no program that this user may run is there (executable file not found in $PATH): install it`,
		`:4: targets[1].exec.command[0]: warning: "` + plainFile +
			`": no program that this user may run is there (permission denied)`,
		`:4: targets[1].exec.env[0]: warning: "NO_SUCH_VARIABLE": it is not set here: set it for the worker`,
		`:7: dns[0].exec.command[0]: warning: "/nowhere/dns": no program that this user may run is there (stat /nowhere/dns: no such file or directory)`,
		"1 issuer, 3 targets, 1 DNS zone\n",
	} {
		require.Contains(t, b.out.String(), says)
	}
	require.Equal(t, 5, strings.Count(b.out.String(), "\n"), b.out.String())
}
