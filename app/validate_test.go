package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
		{func(c *Config) { c.ACME.Issuer = "" }, `--issuer (EVERLEAF_ISSUER) ""`},
		{func(c *Config) { c.ACME.Issuer = "My CA" }, `--issuer (EVERLEAF_ISSUER) "My CA"`},
		{func(c *Config) { c.ACME.Issuer = "Internal" }, `"Internal"`},
		{func(c *Config) { c.ACME.Issuer = "-ca" }, `"-ca"`},
		{func(c *Config) { c.ACME.Issuer = strings.Repeat("a", 64) }, "1 to 63"},
		{func(c *Config) { c.ACME.Issuer = "a" }, ""},
		{func(c *Config) { c.ACME.Issuer = "ca-2" }, ""},
		{func(c *Config) { c.HTTP01.CheckPort = 0 }, `--http01-check-port (EVERLEAF_HTTP01_CHECK_PORT) "0"`},
		{func(c *Config) { c.HTTP01.CheckPort = -1 }, `"-1"`},
		{func(c *Config) { c.HTTP01.CheckPort = 65536 }, `"65536"`},
		{func(c *Config) { c.HTTP01.CheckPort = 65535 }, ""},
		{func(c *Config) { c.HTTP01.Resolver = "192.0.2.53" }, `--http01-check-resolver (EVERLEAF_HTTP01_CHECK_RESOLVER) "192.0.2.53"`},
		{func(c *Config) { c.HTTP01.Resolver = "udp://192.0.2.53:53" }, "host:port"},
		{func(c *Config) { c.HTTP01.Resolver = ":53" }, `":53"`},
		{func(c *Config) { c.HTTP01.Resolver = "dns:0" }, `"dns:0"`},
		{func(c *Config) { c.HTTP01.Resolver = "dns:53" }, ""},
		{func(c *Config) { c.HTTP01.Resolver = "[2001:db8::53]:53" }, ""},
		{func(c *Config) { c.HTTP01.Listen = "8402" }, `--http01-listen (EVERLEAF_HTTP01_LISTEN) "8402"`},
		{func(c *Config) { c.HTTP01.Listen = "" }, `""`},
		{func(c *Config) { c.HTTP01.Listen = ":http" }, `":http"`},
		{func(c *Config) { c.HTTP01.Listen = ":65536" }, `":65536"`},
		{func(c *Config) { c.HTTP01.Listen = "a b:80" }, `"a b:80"`},
		{func(c *Config) { c.HTTP01.Listen = ":8402" }, ""},
		{func(c *Config) { c.Ops.Listen = "8401" }, `--ops-listen (EVERLEAF_OPS_LISTEN) "8401"`},
		{func(c *Config) { c.Ops.Listen = "" }, `""`},
		{func(c *Config) { c.Ops.Listen = ":8401" }, ""},
	} {
		config := settings(t)
		c.change(&config)
		err := config.Validate()
		if c.says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.says)
		require.Equal(t, "InvalidSetting", domain.AsFault(err).Reason)
		require.Equal(t, err, RunWorker(t.Context(), config, quiet()), "before anything is contacted")
	}
	config := settings(t)
	config.Temporal.TaskQueue = ""
	_, _, err := OpenKeeper(config, quiet())
	require.ErrorContains(t, err, "--task-queue")
}
