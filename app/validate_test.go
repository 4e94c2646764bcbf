package app

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
	"everleaf/adapters/pull"
	"everleaf/adapters/temporal"
	"everleaf/domain"
)

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change func(*Config)
		says   string // empty where the setting is fine
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.Temporal.TaskQueue = "" }, `--task-queue (EVERLEAF_TASK_QUEUE) ""`},
		{func(c *Config) { c.Temporal.TaskQueue = " x" }, `--task-queue (EVERLEAF_TASK_QUEUE) " x"`},
		{func(c *Config) { c.Issuers[0].Issuer = "" }, `--issuer (EVERLEAF_ISSUER) ""`},
		{func(c *Config) { c.Issuers[0].Issuer = "My CA" }, `--issuer (EVERLEAF_ISSUER) "My CA"`},
		{func(c *Config) { c.Issuers[0].Issuer = "Internal" }, `"Internal"`},
		{func(c *Config) { c.Issuers[0].Issuer = "-ca" }, `"-ca"`},
		{func(c *Config) { c.Issuers[0].Issuer = strings.Repeat("a", 64) }, "1 to 63"},
		{func(c *Config) { c.Issuers[0].Issuer = "a" }, ""},
		{func(c *Config) { c.Issuers[0].Issuer = "ca-2" }, ""},
		{func(c *Config) { c.Issuers[0].Directory = "http://x" },
			`--acme-directory (EVERLEAF_ACME_DIRECTORY) "http://x" cannot work`},
		{func(c *Config) { c.Issuers[0].Email = "notmail" },
			`--acme-email (EVERLEAF_ACME_EMAIL) "notmail" cannot work`},
		{func(c *Config) { c.Issuers[0].CABundle = "/nope" },
			`--acme-ca-bundle (EVERLEAF_ACME_CA_BUNDLE) "/nope" cannot work`},
		{func(c *Config) { c.Issuers[0].Directory, c.Roles = "http://x", []Role{RoleResponder} }, ""},
		{func(c *Config) { c.File, c.Issuers = "f.yaml", nil },
			`--config (EVERLEAF_CONFIG) "f.yaml" cannot work: its issuers are missing`},
		{func(c *Config) { c.Issuers, c.Roles = nil, []Role{RoleResponder} }, ""},
		{func(c *Config) { c.SweepInterval = 30 * time.Second },
			`--sweep-interval (EVERLEAF_SWEEP_INTERVAL) "30s" cannot work: use 1m0s to 24h0m0s, or 0`},
		{func(c *Config) { c.SweepInterval = 25 * time.Hour }, `--sweep-interval (EVERLEAF_SWEEP_INTERVAL) "25h0m0s"`},
		{func(c *Config) { c.SweepInterval = 10 * time.Minute }, ""},
		{func(c *Config) { c.SweepInterval, c.Roles = time.Second, []Role{RoleAuthorization} }, ""},
		{func(c *Config) { c.HTTP01.CheckPort = 0 }, `--http01-check-port (EVERLEAF_HTTP01_CHECK_PORT) "0"`},
		{func(c *Config) { c.HTTP01.CheckPort = -1 }, `"-1"`},
		{func(c *Config) { c.HTTP01.CheckPort = 65536 }, `"65536"`},
		{func(c *Config) { c.HTTP01.CheckPort = 65535 }, ""},
		{func(c *Config) { c.HTTP01.Resolver = "192.0.2.53" },
			`--http01-check-resolver (EVERLEAF_HTTP01_CHECK_RESOLVER) "192.0.2.53"`},
		{func(c *Config) { c.HTTP01.Resolver = "udp://192.0.2.53:53" }, "host:port"},
		{func(c *Config) { c.HTTP01.Resolver = ":53" }, `":53"`},
		{func(c *Config) { c.HTTP01.Resolver = "dns:0" }, `"dns:0"`},
		{func(c *Config) { c.HTTP01.Resolver = "dns:53" }, ""},
		{func(c *Config) { c.HTTP01.Resolver = "[2001:db8::53]:53" }, ""},
		{func(c *Config) { c.HTTP01.Allow = []string{"10.0.0.0/8", "lan"} },
			`--allow-addresses (EVERLEAF_ALLOW_ADDRESSES) "10.0.0.0/8,lan" cannot work: "lan" is no range of addresses`},
		{func(c *Config) { c.HTTP01.Allow = []string{"10.0.0.0/8", "fd00::/8"} }, ""},
		{func(c *Config) { c.DNS01.CheckPort = 0 }, `--dns01-check-port (EVERLEAF_DNS01_CHECK_PORT) "0"`},
		{func(c *Config) { c.DNS01.CheckPort = 65536 }, `"65536"`},
		{func(c *Config) { c.DNS01.Resolver = "udp://192.0.2.53" },
			`--dns01-resolver (EVERLEAF_DNS01_RESOLVER) "udp://192.0.2.53"`},
		{func(c *Config) { c.DNS01.Resolver = "dns:53" }, ""},
		{func(c *Config) { c.DNS01.Check = "never" },
			`--dns01-check (EVERLEAF_DNS01_CHECK) "never" cannot work: choose authoritative or recursive`},
		{func(c *Config) { c.DNS01.Check = dns01.CheckRecursive }, ""},
		{func(c *Config) { c.File, c.DNS01.Zones = "f.yaml", []dns01.ZoneConfig{{Zone: "a b"}} },
			`--config (EVERLEAF_CONFIG) "f.yaml", dns[0].zone "a b"`},
		{func(c *Config) { c.DNS01.CheckPort, c.Roles = 0, []Role{RoleDelivery} }, ""},
		{func(c *Config) { c.HTTP01.Listen = "8402" }, `--http01-listen (EVERLEAF_HTTP01_LISTEN) "8402"`},
		{func(c *Config) { c.HTTP01.Listen = "" }, `""`},
		{func(c *Config) { c.HTTP01.Listen = ":http" }, `":http"`},
		{func(c *Config) { c.HTTP01.Listen = ":65536" }, `":65536"`},
		{func(c *Config) { c.HTTP01.Listen = "a b:80" }, `"a b:80"`},
		{func(c *Config) { c.HTTP01.Listen = ":8402" }, ""},
		{func(c *Config) { c.ListenerConnections = -1 }, `--listener-connections (EVERLEAF_LISTENER_CONNECTIONS) "-1"`},
		{func(c *Config) { c.ListenerConnections = 101 }, "use 1 to 100"},
		{func(c *Config) { c.ListenerConnections = 100 }, ""},
		{func(c *Config) { c.Roles = []Role{RolePull} }, `--pull-listen (EVERLEAF_PULL_LISTEN) ""`},
		{func(c *Config) { c.Pull.Listen = "8403" }, `--pull-listen (EVERLEAF_PULL_LISTEN) "8403"`},
		{func(c *Config) { c.Pull.Listen = ":8403" }, "--pull-certificate (EVERLEAF_PULL_CERTIFICATE)"},
		{func(c *Config) { c.Pull.Listen, c.Pull.Certificate = ":8403", "x" }, "--pull-key (EVERLEAF_PULL_KEY)"},
		{func(c *Config) { c.Pull, c.Sealing.KeyURL, c.Roles = pullAt(":8403"), "", []Role{RolePull} },
			"the role pull opens private keys"},
		{func(c *Config) { c.Pull = pullAt(":8403"); c.Targets = pullTargets },
			"--pull-client-ca (EVERLEAF_PULL_CLIENT_CA)"},
		{func(c *Config) { c.Pull, c.Roles = pullAt("8403"), []Role{RoleResponder} }, ""},
		{func(c *Config) { c.Ops.Listen = "8401" }, `--ops-listen (EVERLEAF_OPS_LISTEN) "8401"`},
		{func(c *Config) { c.Ops.Listen, c.Roles = "", []Role{RoleResponder} }, `""`},
		{func(c *Config) { c.Ops.Listen = ":8401" }, ""},
		{func(c *Config) { c.Temporal.TaskQueue = "__temporal_x" }, "Temporal's own"},
		{func(c *Config) { c.Temporal.TaskQueue = "/_sys/x" }, "Temporal's own"},
		{func(c *Config) { c.Temporal.TaskQueue = strings.Repeat("x", 901) }, "at most 900 bytes"},
		{func(c *Config) { c.Roles = nil }, `--roles (EVERLEAF_ROLES) ""`},
		{func(c *Config) { c.Sealing.KeyURL = "" }, "the roles workflows,authorization,delivery work"},
		{func(c *Config) { c.Sealing.KeyURL, c.Roles = "", []Role{RoleResponder} }, ""},
		{func(c *Config) { c.Sealing.KeyURL, c.Roles = "", []Role{RoleNexus} }, ""},
		{func(c *Config) { c.Workers.Slots.Nexus = 1 }, `--nexus-slots (EVERLEAF_NEXUS_SLOTS) "1"`},
		{func(c *Config) { c.HTTP01.Listen, c.Roles = "", []Role{RoleWorkflows} }, ""},
		{func(c *Config) { c.Workers.Slots.Workflow = 1 }, `--workflow-slots (EVERLEAF_WORKFLOW_SLOTS) "1"`},
		{func(c *Config) { c.Workers.Slots.Workflow = -2 }, `"-2"`},
		{func(c *Config) { c.Workers.Slots.Workflow = 2 }, ""},
		{func(c *Config) { c.Workers.Slots.LocalStep = -1 }, "--local-step-slots"},
		{func(c *Config) { c.Workers.Slots.Authorization = 100_001 }, "--authorization-slots"},
		{func(c *Config) { c.Workers.Slots.Authorization = 1 }, ""},
		{func(c *Config) { c.Workers.TargetMemory = 1.5 }, `--target-memory (EVERLEAF_TARGET_MEMORY) "1.5"`},
		{func(c *Config) { c.Workers.TargetMemory = math.NaN() }, `"NaN"`},
		{func(c *Config) { c.Workers.TargetCPU = 80 }, `--target-cpu (EVERLEAF_TARGET_CPU) "80"`},
		{func(c *Config) { c.Workers.TargetCPU = -0.5 }, "0.1 to 1"},
		{func(c *Config) { c.Workers.TargetCPU, c.Workers.Slots.LocalStep = 0.5, 3 }, "leave out one or the other"},
		{func(c *Config) { c.Workers.TargetCPU = 0.5 }, ""},
		{func(c *Config) { c.Workers.MaxPollers = -1 }, "--max-pollers"},
		{func(c *Config) { c.Workers.MaxPollers = 1 }, ""},
		{func(c *Config) { c.Workers.StickyCache = -1 }, "--sticky-cache"},
		{func(c *Config) { c.Workers.StickyCache = 0 }, ""},
		{versioned("everleaf", "v1.2+3"), ""},
		{versioned("ever.leaf", "v1"), "--deployment-name (EVERLEAF_DEPLOYMENT_NAME)"},
		{versioned("ever:leaf", "v1"), "--deployment-name"},
		{versioned("__x", "v1"), "--deployment-name"},
		{versioned("everleaf", ""), "built without a revision"},
		{versioned("everleaf", "a b"), `--build-id (EVERLEAF_BUILD_ID) "a b"`},
		{versioned("everleaf", "__x"), "--build-id"},
		{func(c *Config) { c.TerminationGracePeriod = 8 * time.Second },
			"a stop may take 9.9s = drain 5s + release 2s + listeners 1s + connections 1s + telemetry 500ms + probes 400ms"},
		{func(c *Config) { c.TerminationGracePeriod = 9900 * time.Millisecond }, ""},
		{func(c *Config) { c.TerminationGracePeriod, c.Roles = 3*time.Second, []Role{RoleResponder} }, ""},
	} {
		config := settings(t)
		c.change(&config)
		err := config.Validate()
		if c.says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.says)
		require.EqualValues(t, "InvalidSetting", domain.AsFault(err).Reason)
		require.Equal(t, err, RunWorker(t.Context(), config, quiet()), "before anything is contacted")
	}
	config := settings(t)
	config.Temporal.TaskQueue = ""
	_, _, err := OpenKeeper(config, quiet())
	require.ErrorContains(t, err, "--task-queue")
}

func versioned(deployment, build string) func(*Config) {
	return func(c *Config) {
		c.Workers.Versioning = temporal.Versioning{Enabled: true, Deployment: deployment, BuildID: build}
	}
}

// pullTargets are something for clients to fetch.
var pullTargets = []delivery.Config{{Name: "edge", Pull: &delivery.Pull{Clients: []string{"*"}}}}

func pullAt(listen string) pull.Config {
	return pull.Config{Listen: listen, Certificate: "tls.crt", Key: "tls.key"}
}
