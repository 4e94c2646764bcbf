package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/app"
)

// help runs --help and joins its lines, as wrapping is not what is tested.
func help(t *testing.T, command ...string) string {
	t.Helper()
	b := newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), append(command, "--help")...))
	return strings.Join(strings.Fields(b.out.String()), " ")
}

func TestHelpGivesUnitDefaultAndVariable(t *testing.T) {
	worker, ensure := help(t, "worker"), help(t, "cert", "ensure")
	for _, c := range []struct{ text, line string }{
		{worker, "--postgres-url=URL Database"},
		{worker, "[EVERLEAF_POSTGRES_URL]"},
		{worker, "[EVERLEAF_SEALING_KEY]"},
		{worker, "[EVERLEAF_SEALING_KEYS_OLD]"},
		{worker, "specs; else default. [EVERLEAF_ISSUER]"},
		{worker, "else Let's Encrypt's. [EVERLEAF_ACME_DIRECTORY]"},
		{worker, "--acme-timeout=DURATION Limit of one call to the CA; else 10s. [EVERLEAF_ACME_TIMEOUT]"},
		{worker, "[EVERLEAF_ACME_EMAIL]"},
		{worker, "[EVERLEAF_ACME_CA_BUNDLE]"},
		{worker, "Default :8402. [EVERLEAF_HTTP01_LISTEN]"},
		{worker, "Default :8401. [EVERLEAF_OPS_LISTEN]"},
		{worker, "Default 1m. [EVERLEAF_CREDENTIALS_GRACE]"},
		{worker, "Default 80. [EVERLEAF_HTTP01_CHECK_PORT]"},
		{worker, "[EVERLEAF_HTTP01_CHECK_RESOLVER]"},
		{worker, "else the system's. [EVERLEAF_DNS01_RESOLVER]"},
		{worker, "Default authoritative. [EVERLEAF_DNS01_CHECK]"},
		{worker, "Default 53. [EVERLEAF_DNS01_CHECK_PORT]"},
		{ensure, "--challenge=TYPE How control of the names is shown"},
		{worker, "Default everleaf. [EVERLEAF_TASK_QUEUE]"},
		{worker, "Default 30s. [EVERLEAF_START_TIMEOUT]"},
		{worker, "Default 25s. [EVERLEAF_STOP_TIMEOUT]"},
		{worker, "[EVERLEAF_TERMINATION_GRACE_PERIOD]"},
		{worker, "by default 29.9s = drain 25s + release 2s + listeners 1s + connections 1s + telemetry 500ms + probes 400ms"},
		{worker, "Default " + app.JoinRoles(app.AllRoles()) + ". [EVERLEAF_ROLES]"},
		{worker, "Workflow tasks at once; else 200. [EVERLEAF_WORKFLOW_SLOTS]"},
		{worker, "Default 500. [EVERLEAF_STICKY_CACHE]"},
		{worker, "[EVERLEAF_BUILD_ID, TEMPORAL_WORKER_BUILD_ID]"},
		{worker, "Default text. [EVERLEAF_LOG_FORMAT]"},
		{worker, "Default info. [EVERLEAF_LOG_LEVEL]"},
		{worker, "--temporal-address=HOST:PORT Temporal's address; else the profile's, else localhost:7233. [TEMPORAL_ADDRESS]"},
		{worker, "TEMPORAL_GRPC_META_*"},
		{ensure, "nothing is removed without --remove-name"},
		{help(t, "cert"), "Exit codes: 0 it worked, 1 a problem"},
		{help(t, "cert"), `as {"error":`},
		{help(t), "Exit codes: 0 it worked"},
		{ensure, "--timeout=DURATION How long to wait; the workflow goes on after it. Default 5m."},
		{ensure, "-o, --output=table|json Result for people, or for programs. Default table."},
		{help(t), "cert export Write the certificate in service"},
	} {
		require.Contains(t, c.text, c.line)
	}
}

func TestEachCommandAsksOnlyForWhatItNeeds(t *testing.T) {
	for _, c := range []struct {
		command  []string
		has, not string
	}{
		{[]string{"migrate"}, "POSTGRES_URL TEMPORAL_ADDRESS", "SEALING_KEY ACME_DIRECTORY"},
		{[]string{"cert", "ensure"}, "TEMPORAL_ADDRESS TASK_QUEUE POSTGRES_URL", "SEALING_KEY ACME_DIRECTORY"},
		{[]string{"cert", "change"}, "TEMPORAL_ADDRESS TASK_QUEUE POSTGRES_URL",
			"SEALING_KEY ACME_DIRECTORY --replace --spec"},
		{[]string{"cert", "spec"}, "TEMPORAL_ADDRESS TASK_QUEUE POSTGRES_URL", "SEALING_KEY ACME_DIRECTORY"},
		{[]string{"apply"}, "TEMPORAL_ADDRESS TASK_QUEUE POSTGRES_URL --prune", "SEALING_KEY ACME_DIRECTORY"},
		{[]string{"cert", "status"}, "TEMPORAL_ADDRESS TASK_QUEUE POSTGRES_URL", "SEALING_KEY ACME_DIRECTORY"},
		{[]string{"cert", "renew"}, "TEMPORAL_ADDRESS TASK_QUEUE", "POSTGRES_URL SEALING_KEY ACME_DIRECTORY"},
		{[]string{"cert", "revoke"}, "TEMPORAL_ADDRESS TASK_QUEUE keyCompromise",
			"POSTGRES_URL SEALING_KEY ACME_DIRECTORY"},
		{[]string{"cert", "list"}, "POSTGRES_URL START_TIMEOUT", "SEALING_KEY TEMPORAL_ADDRESS ACME_DIRECTORY"},
		{[]string{"cert", "explain"}, "POSTGRES_URL START_TIMEOUT --events",
			"SEALING_KEY TEMPORAL_ADDRESS ACME_DIRECTORY"},
		{[]string{"reseal"}, "POSTGRES_URL SEALING_KEY SEALING_KEYS_OLD", "TEMPORAL_ADDRESS ACME_DIRECTORY"},
		{[]string{"forget-lost"}, "POSTGRES_URL SEALING_KEY SEALING_KEYS_OLD --yes", "TEMPORAL_ADDRESS ACME_DIRECTORY"},
		{[]string{"cert", "export"}, "POSTGRES_URL SEALING_KEY", "TEMPORAL_ADDRESS ACME_DIRECTORY"},
	} {
		text := help(t, c.command...)
		for _, name := range strings.Fields(c.has) {
			require.Contains(t, text, name, c.command)
		}
		for _, name := range strings.Fields(c.not) {
			require.NotContains(t, text, name, c.command)
		}
	}
}

func TestSettingsReachTheWorker(t *testing.T) {
	b := newBench(t)
	for name, value := range map[string]string{
		"EVERLEAF_POSTGRES_URL": "postgres://env", "EVERLEAF_SEALING_KEY": "file:///key",
		"EVERLEAF_ACME_EMAIL":        "ops@example.com",
		"EVERLEAF_HTTP01_CHECK_PORT": "5002", "EVERLEAF_STOP_TIMEOUT": "1m", "EVERLEAF_ISSUER": "",
		"TEMPORAL_NAMESPACE": "blue",
	} {
		t.Setenv(name, value)
	}
	b.exits(t, exitOK, b.run(t.Context(), "worker", "--postgres-url", "postgres://flag", "--temporal-address", "t:7233",
		"--log-level", "warn", "--http01-check-resolver", "dns:53"))
	c := b.config
	require.Equal(t, "postgres://flag", c.Postgres.URL, "the flag wins")
	require.Equal(t, "file:///key", c.Sealing.KeyURL)
	require.Equal(t, "ops@example.com", c.Issuers[0].Email)
	require.Equal(t, "default", c.Issuers[0].Issuer, "an empty variable is an unset one")
	require.Zero(t, c.Issuers[0].Timeout, "the default is the adapter's")
	require.Equal(t, 5002, c.HTTP01.CheckPort)
	require.Equal(t, "dns:53", c.HTTP01.Resolver)
	require.Equal(t, ":8402", c.HTTP01.Listen)
	require.Equal(t, time.Minute, c.StopTimeout)
	require.Equal(t, 30*time.Second, c.StartTimeout)
	require.Equal(t, "t:7233", c.Temporal.Settings.Address)
	require.Equal(t, "blue", c.Temporal.Settings.Namespace)
	require.Equal(t, "everleaf", c.Temporal.TaskQueue)
	require.Empty(t, b.err.String())
	require.Equal(t, slog.LevelWarn, logSettings{LogLevel: "warn"}.config().Level)
}

// The file's issuers replace the one of the flags; a process reads of it what its roles need.
func TestConfigurationFileReachesTheWorker(t *testing.T) {
	file := filepath.Join(t.TempDir(), "everleaf.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`issuers:
  - {name: main, preset: letsencrypt}
  - {name: spare, preset: zerossl, eab: {keyID: k, hmacKey: "${SPARE_HMAC}"}}
`), 0o600))
	t.Setenv("SPARE_HMAC", "c2VjcmV0")
	t.Setenv("EVERLEAF_ACME_DIRECTORY", "")
	worker := []string{"worker", "--postgres-url=p", "--sealing-key=k", "--config=" + file}
	b := newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), worker...))
	require.Len(t, b.config.Issuers, 2)
	require.Equal(t, app.LetsEncrypt, b.config.Issuers[0].Directory)
	require.Equal(t, "c2VjcmV0", b.config.Issuers[1].EAB.HMACKey)

	b = newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), append(worker, "--issuer=other")...))
	require.Contains(t, b.err.String(), `--issuer (EVERLEAF_ISSUER) "other" cannot work: the issuers are those of the file`)

	t.Setenv("SPARE_HMAC", "")
	b = newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), worker...))
	require.Contains(t, b.err.String(), "issuers[1].eab.hmacKey cannot work: the environment variable SPARE_HMAC")
	b = newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), append(worker, "--roles=responder")...))
}

// Targets stand in the file alone, and count where something is delivered or fetched.
func TestTargetsReachThoseWhoDeliver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "everleaf.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	worker := func(roles string, flags ...string) []string {
		return append([]string{"worker", "--postgres-url=p", "--sealing-key=k", "--config=" + file,
			"--roles=" + roles}, flags...)
	}
	t.Setenv("HOOK_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
	write(`issuers: [{name: default, preset: letsencrypt}]
targets:
  - {name: web, directory: {path: "/etc/tls/{name}", command: [nginx, -s, reload]}}
  - {name: hook, webhook: {url: "https://hooks.example.com/{name}", secret: "${HOOK_SECRET}", key: none}}
  - {name: pull, pull: {clients: ["*"]}}
`)
	b := newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), worker("delivery")...))
	require.Len(t, b.config.Targets, 3)
	require.Equal(t, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", b.config.Targets[1].Webhook.Secret)
	require.Empty(t, b.config.Issuers, "it issues nothing")

	t.Setenv("HOOK_SECRET", "")
	b = newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), worker("delivery")...))
	require.Contains(t, b.err.String(), "targets[1].webhook.secret cannot work: the environment variable HOOK_SECRET")
	b = newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), worker("pull", "--pull-listen=:8403", "--pull-certificate=c", "--pull-key=k",
		"--pull-client-ca=r")...))
	require.Len(t, b.config.Targets, 1, "it serves what is fetched, so it needs no webhook's secret")
	require.Equal(t, "pull", b.config.Targets[0].Name)
	for _, roles := range []string{"workflows,authorization", "responder,pull"} {
		b = newBench(t)
		b.exits(t, exitOK, b.run(t.Context(), worker(roles)...)) // it delivers nothing, so it needs no such secret
		require.Empty(t, b.config.Targets)
	}
	b = newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), worker("workflows")...))
	require.Equal(t, []string{"web", "hook", "pull"}, b.config.TargetNames,
		"who records failed deliveries counts them by target")

	write(`targets: [{name: web, directory: {path: tls}}]`)
	b = newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), worker("delivery")...))
	require.Contains(t, b.err.String(), `"`+file+`", targets[0].directory.path "tls": give an absolute path`)
}

// Zones stand in the file alone, and their credentials are wanted of those who validate.
func TestZonesReachThoseWhoValidate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "everleaf.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`issuers: [{name: default, preset: letsencrypt}]
dns:
  - zone: acme.example.net
    rfc2136: {server: "ns1.example.net:53", tsig: {name: everleaf, algorithm: hmac-sha256, secret: "${TSIG_SECRET}"}}
  - {zone: example.org, http: {url: "https://dns.example.org/acme", username: everleaf, password: "${TSIG_SECRET}"}}
`), 0o600))
	worker := func(roles string) *bench {
		b := newBench(t)
		b.run(t.Context(), "worker", "--postgres-url=p", "--sealing-key=k", "--config="+file, "--roles="+roles)
		return b
	}
	t.Setenv("TSIG_SECRET", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	b := worker("authorization")
	require.Len(t, b.config.DNS01.Zones, 2, b.err)
	require.Equal(t, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", b.config.DNS01.Zones[0].RFC2136.TSIG.Secret)
	t.Setenv("TSIG_SECRET", "short")
	b = worker("authorization")
	require.Contains(t, b.err.String(), `"`+file+`", dns[0].rfc2136.tsig.secret`)
	require.NotContains(t, b.err.String(), "short")
	t.Setenv("TSIG_SECRET", "")
	require.Contains(t, worker("authorization").err.String(),
		"dns[0].rfc2136.tsig.secret cannot work: the environment variable TSIG_SECRET")
	b = worker("workflows,delivery")
	require.Empty(t, b.err.String(), "they write no records, so they need no such secret")
	require.Empty(t, b.config.DNS01.Zones)
}

func TestEveryWorkerSettingCanBeSet(t *testing.T) {
	b := newBench(t)
	for name, value := range map[string]string{
		"EVERLEAF_ROLES": "responder, workflows", "EVERLEAF_WORKFLOW_SLOTS": "7", "EVERLEAF_LOCAL_STEP_SLOTS": "8",
		"EVERLEAF_AUTHORIZATION_SLOTS": "9", "EVERLEAF_NEXUS_SLOTS": "10", "EVERLEAF_DELIVERY_SLOTS": "11",
		"EVERLEAF_DELIVERY_HOST": "west", "EVERLEAF_MAX_POLLERS": "4", "EVERLEAF_STICKY_CACHE": "0",
		"EVERLEAF_WORKER_VERSIONING": "true", "TEMPORAL_DEPLOYMENT_NAME": "blue", "EVERLEAF_BUILD_ID": "b1",
		"TEMPORAL_WORKER_BUILD_ID": "b2", "EVERLEAF_TERMINATION_GRACE_PERIOD": "1m",
	} {
		t.Setenv(name, value)
	}
	b.exits(t, exitOK, b.run(t.Context(), "worker", "--postgres-url=p", "--sealing-key=k"))
	require.Equal(t, []app.Role{app.RoleWorkflows, app.RoleResponder}, b.config.Roles)
	require.Equal(t, time.Minute, b.config.TerminationGracePeriod)
	w := b.config.Workers
	require.Equal(t, app.Slots{Workflow: 7, LocalStep: 8, Authorization: 9, Nexus: 10, Delivery: 11}, w.Slots)
	require.Equal(t, "west", b.config.DeliveryHost)
	require.Equal(t, 4, w.MaxPollers)
	require.Zero(t, w.StickyCache)
	require.True(t, w.Versioning.Enabled)
	require.Equal(t, "blue", w.Versioning.Deployment)
	require.Equal(t, "b1", w.Versioning.BuildID, "ours wins over the ecosystem's")

	b = newBench(t)
	// The responder needs neither Temporal, sealing key nor CA.
	b.exits(t, exitOK, b.run(t.Context(), "worker", "--postgres-url=p", "--roles=responder", "--target-memory=0.7"))
	require.Equal(t, []app.Role{app.RoleResponder}, b.config.Roles)
	require.InDelta(t, 0.7, b.config.Workers.TargetMemory, 0)
	require.Equal(t, app.DefaultDeployment, b.config.Workers.Versioning.Deployment)
	require.False(t, b.config.Workers.Versioning.Enabled)
	require.Equal(t, revision(), b.config.Workers.Versioning.BuildID)
}

// Printing needs no setting, contacts nobody and follows the roles and the queue that are chosen.
func TestPrintRegistrations(t *testing.T) {
	b := newBench(t)
	t.Setenv("EVERLEAF_TASK_QUEUE", "blue")
	b.exits(t, exitOK, b.run(t.Context(), "worker", "--print-registrations"))
	require.Regexp(t, `(?m)^workflows +blue +workflow +Certificate +auto-upgrade$`, b.out)
	require.Regexp(t, `(?m)^workflows +blue +local activity +ReserveOrder +see what is stored and what is needed$`,
		b.out)
	require.Regexp(t, `(?m)^authorization +blue-authorization +activity +ObtainCertificate +obtain the certificate from the CA$`, b.out)
	require.Regexp(t, `(?m)^authorization +blue-authorization +activity +RevokeCertificate `, b.out)
	require.Regexp(t, `(?m)^delivery +blue-delivery +activity +RemoveDelivery `, b.out)
	require.Empty(t, b.err.String())
	require.Empty(t, b.config.Postgres.URL, "no worker was started")

	only := newBench(t)
	only.exits(t, exitOK, only.run(t.Context(), "worker", "--roles", "authorization", "--print-registrations"))
	require.NotContains(t, only.out.String(), "workflow ")
	require.Contains(t, only.out.String(), "everleaf-authorization")

	none := newBench(t)
	none.exits(t, exitOK, none.run(t.Context(), "worker", "--roles", "responder", "--print-registrations"))
	require.Equal(t, "The role responder polls no task queue: nothing is registered.\n", none.out.String())
}

// A deployment that is named and not used is most likely a switch that was forgotten. A build is in histories either
// way.
func TestUnusedDeploymentIsWarnedOf(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"", ""},
		{"--sticky-cache=0", ""},
		{"--build-id=v1 --deployment-name=d --worker-versioning", ""},
		{"--build-id=v1", ""},
		{"--deployment-name=d", "--deployment-name (EVERLEAF_DEPLOYMENT_NAME"},
	} {
		b := newBench(t)
		b.exits(t, exitOK, b.run(t.Context(),
			append([]string{"worker", "--postgres-url=p", "--sealing-key=k"}, strings.Fields(c.args)...)...))
		if c.says == "" {
			require.Empty(t, b.err.String())
			continue
		}
		require.Equal(t, 1, strings.Count(b.err.String(), "level=WARN"), b.err)
		require.Contains(t, b.err.String(), c.says)
	}
}

func TestUsageErrorsAreOneLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, `expected one of "worker"`},
		{nil, "see `everleaf --help`"},
		{[]string{"worker"}, "see `everleaf worker --help`"},
		{[]string{"cert", "ensure", "--nam=x"}, "see `everleaf cert ensure --help`"},
		{[]string{"cert", "staus", "a"}, "see `everleaf cert --help`"},
		{[]string{"cert", "ensure", "a", "--timeout", "-5s"}, `--timeout: "-5s" is not a duration above 0`},
		{[]string{"cert", "ensure", "a", "--timeout"}, "--timeout: a duration such as 30s, 5m, 1h30m or 7d is missing"},
		{[]string{"cert", "ensure", "a", "--timeout", "--note"}, `"--note" is not a duration`},
		{[]string{"worker"}, "give --postgres-url or EVERLEAF_POSTGRES_URL"},
		{[]string{"worker", "--postgres-url=p"},
			"--sealing-key (EVERLEAF_SEALING_KEY) is missing: the roles workflows,authorization"},
		{[]string{"worker", "--postgres-url=p", "--roles=authorization"}, "the roles authorization work"},
		{[]string{"worker", "--roles=workflow"},
			`there is no role "workflow": choose one or more of workflows,authorization,`},
		{[]string{"worker", "--roles=workflows,"}, `there is no role "": choose`},
		{[]string{"worker", "--roles="}, `there is no role "": choose`},
		{[]string{"worker", "--postgres-url=p", "--sealing-key=k", "--workflow-slots=1"},
			"--workflow-slots (EVERLEAF_WORKFLOW_SLOTS)"},
		{[]string{"worker", "--workflow-slots=many"}, "--workflow-slots"},
		{[]string{"worker", "--postgres-url=p", "--sealing-key=k", "--workflow-slots=0"},
			`--workflow-slots (EVERLEAF_WORKFLOW_SLOTS) "0" cannot work`},
		{[]string{"worker", "--postgres-url=p", "--sealing-key=k", "--local-step-slots=0"},
			`--local-step-slots (EVERLEAF_LOCAL_STEP_SLOTS) "0" cannot work`},
		{[]string{"worker", "--postgres-url=p", "--sealing-key=k", "--authorization-slots=0"},
			`--authorization-slots (EVERLEAF_AUTHORIZATION_SLOTS) "0" cannot work`},
		{[]string{"worker", "--postgres-url=p", "--sealing-key=k", "--nexus-slots=-1"},
			`--nexus-slots (EVERLEAF_NEXUS_SLOTS) "-1" cannot work`},
		{[]string{"worker", "--postgres-url=p", "--sealing-key=k", "--max-pollers=0"},
			`--max-pollers (EVERLEAF_MAX_POLLERS) "0" cannot work`},
		{[]string{"cert", "export", "a", "--postgres-url=p", "--sealing-key=k"}, "give --dir;"},
		{[]string{"cert", "ensure"}, "<name>"},
		{[]string{"cert", "ensure", "a", "--timeout=0s"}, `"0s" is not a duration above 0`},
		{[]string{"cert", "ensure", "a", "--timeout=2w"},
			`"2w" is not a duration above 0 such as 30s, 5m, 1h30m or 7d (units: ms, s, m, h and d)`},
		{[]string{"cert", "ensure", "a", "--key-type=dsa"}, `--key-type must be one of "ecdsa-p256","ecdsa-p384",`},
		{[]string{"cert", "list", "--postgres-url=p", "--state=ready"}, `must be one of "Issuing","Ready",`},
		{[]string{"cert", "ensure", "a", "--timeout=soon"}, `"soon" is not a duration`},
		{[]string{"cert", "ensure", "a", "--key-type=dsa"}, "--key-type"},
		{[]string{"cert", "status", "a", "--output=yaml"}, "--output"},
		{[]string{"cert", "ensure", "a", "--name=b", "--remove-name=b"},
			"--name b and --remove-name b contradict each other"},
		{[]string{"cert", "change", "a", "--deliver=b", "--remove-target=b"},
			"--deliver b and --remove-target b contradict each other"},
		{[]string{"cert", "ensure", "a", "--use-issuer=b", "--remove-issuer=b"},
			"--use-issuer b and --remove-issuer b contradict each other"},
		{[]string{"cert", "ensure", "a", "--spec=f", "--name=b"}, "--spec f is the whole spec"},
		{[]string{"cert", "ensure", "a", "--spec=f", "--replace"}, "--replace"},
		{[]string{"cert", "ensure", "a", "--replace", "--remove-name=b"}, "there is nothing to remove from it"},
		{[]string{"cert", "ensure", "a", "--spec=/nowhere"}, "/nowhere"},
		{[]string{"cert", "change", "a", "--replace"}, "--replace"},
		{[]string{"apply"}, "give --file"},
		{[]string{"apply", "-f", "/nowhere"}, "/nowhere"},
		{[]string{"apply", "-f", "/dev/null", "--parallel=0"}, "--parallel 0 cannot work"},
		{[]string{"cert", "staus", "a"}, `did you mean "status"`},
		{[]string{"cert", "list", "--log-level=loud"}, "--log-level"},
	} {
		b := newBench(t)
		b.exits(t, exitUsage, b.run(t.Context(), c.args...))
		require.Contains(t, b.err.String(), c.says)
		require.Equal(t, 1, strings.Count(b.err.String(), "\n"), b.err)
		require.True(t, strings.HasPrefix(b.err.String(), "everleaf: "))
		require.Empty(t, b.out.String())
	}
}

func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"EVERLEAF_ACME_DIRECTRY", "everleaf: warning: no setting is called EVERLEAF_ACME_DIRECTRY; is EVERLEAF_ACME_DIRECTORY meant?\n"},
		{"EVERLEAF_SOMETHING_ELSE", "everleaf: warning: no setting is called EVERLEAF_SOMETHING_ELSE\n"},
		{"EVERLEAF_SEALING_KEY", ""},
		{"EVERLEAF_SERVICE_HOST", ""},
		{"EVERLEAF_SERVICE_PORT_HTTP", ""},
		{"EVERLEAF_PORT", ""},
		{"EVERLEAF_PORT_8402_TCP_ADDR", ""},
		{"EVERLEAF_HTTP_PORT_8402_TCP", ""},
		{"EVERLEAFY", ""},
	} {
		b := newBench(t)
		t.Setenv(c.name, "very secret")
		b.exits(t, exitOK, b.run(t.Context(), "version"))
		require.Equal(t, c.want, b.err.String())
		require.Contains(t, b.out.String(), "everleaf ")
		t.Setenv(c.name, "") // not for the next one
	}
}

func TestMigrateSaysFromWhereToWhere(t *testing.T) {
	b := newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), "migrate", "--postgres-url", "p"))
	require.Equal(t, "schema migrated from version 1 to 3\nsearch attributes added to the namespace: A, B\n",
		b.out.String())
	b = newBench(t)
	b.exits(t, exitOK, b.run(t.Context(), "migrate", "--postgres-url", "p", "--skip-temporal"))
	require.Equal(t, "schema migrated from version 1 to 3\n", b.out.String())
}

func TestVersionIsAFlagToo(t *testing.T) {
	flag, command := newBench(t), newBench(t)
	flag.exits(t, exitOK, flag.run(t.Context(), "--version"))
	command.exits(t, exitOK, command.run(t.Context(), "version"))
	require.Equal(t, command.out.String(), flag.out.String())
	require.True(t, strings.HasPrefix(flag.out.String(), "everleaf "))
	require.NotContains(t, flag.out.String(), "(devel)")
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0d5m": 5 * time.Minute,
		"": -1, "d": -1, "-1d": -1, "1d-5h": -1, "1.5d": -1, "1h2d": -1, "7": -1, "99999d": -1, "1dd": -1, "1d x": -1,
		"2 d": -1,
	} {
		got, err := parseDuration(text)
		if want < 0 {
			require.Error(t, err, text)
		} else {
			require.NoError(t, err, text)
			require.Equal(t, want, got, text)
		}
	}
}
