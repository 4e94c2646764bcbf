package dns01_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/adapters/dns01/zonetest"
	"everleaf/adapters/internal/program"
	"everleaf/domain"
	"everleaf/ports"
)

// zone makes a zone of its settings, as a solver does.
func zone(t testing.TB, config dns01.ZoneConfig) ports.DNSZone {
	t.Helper()
	require.NoError(t, dns01.Check([]dns01.ZoneConfig{config}))
	_, kind, err := config.Kind()
	require.NoError(t, err)
	return kind.New(config.Zone, dns01.Config{})
}

func TestUpdateZone(t *testing.T) {
	zonetest.Run(t, func(t *testing.T) zonetest.Subject {
		server := dns01test.Start(t, "acme.test")
		// Nobody is given this port.
		down := dns01.ZoneConfig{Zone: "acme.test", RFC2136: &dns01.RFC2136{Server: "127.0.0.1:1"}}
		return zonetest.Subject{
			New:  func() ports.DNSZone { return zone(t, server.Zone("ACME.test.")) },
			TXT:  func(_ testing.TB, name string) []string { return server.TXT(name) },
			Down: zone(t, down),
		}
	})
}

func TestServiceZone(t *testing.T) {
	zonetest.Run(t, func(t *testing.T) zonetest.Subject {
		server := dns01test.Start(t, "acme.test")
		service := bridge(t, server)
		return zonetest.Subject{
			New:  func() ports.DNSZone { return zone(t, dns01.ZoneConfig{Zone: "acme.test", HTTP: &service}) },
			TXT:  func(_ testing.TB, name string) []string { return server.TXT(name) },
			Down: zone(t, dns01.ZoneConfig{Zone: "acme.test", HTTP: &dns01.HTTP{URL: "http://127.0.0.1:1"}}),
		}
	})
}

// The script is the one that extending.md shows.
func TestExecZone(t *testing.T) {
	script, err := filepath.Abs("testdata/zone.sh")
	require.NoError(t, err)
	zonetest.Run(t, func(t *testing.T) zonetest.Subject {
		file := filepath.Join(t.TempDir(), "acme.zone")
		exec := func(path string) ports.DNSZone {
			return zone(t, dns01.ZoneConfig{Zone: "acme.test",
				Exec: &dns01.Exec{Settings: program.Settings{Command: []string{"env", "ZONE_FILE=" + path, script}}}})
		}
		return zonetest.Subject{
			New:  func() ports.DNSZone { return exec(file) },
			Down: exec("/nowhere/acme.zone"),
			TXT: func(_ testing.TB, name string) (texts []string) {
				content, _ := os.ReadFile(file) // it is not there before the first
				for line := range strings.Lines(string(content)) {
					if owner, rest, _ := strings.Cut(line, " "); owner == name+"." {
						texts = append(texts, strings.Trim(strings.TrimPrefix(rest, "60 IN TXT "), "\"\n"))
					}
				}
				return texts
			},
		}
	})
}

func TestTheExitCodeSaysWhoseMoveIsNext(t *testing.T) {
	t.Setenv("EVERLEAF_TEST_TOKEN", "hush-hush-hush")
	record := []ports.DNSRecord{{Zone: "acme.test", Name: "_acme-challenge.acme.test", Value: "v"}}
	for script, want := range map[string]string{
		`test "$(cat)" = '{"action":"add","zone":"acme.test","fqdn":"_acme-challenge.acme.test.","value":"v"}'`: "",
		"echo busy >&2; exit 75":                            "Wait DNSUnavailable: add _acme-challenge.acme.test in zone acme.test: the command sh failed (exit status 75): busy",
		`echo "bad token $EVERLEAF_TEST_TOKEN" >&2; exit 1`: "Operator DNSRefused: add _acme-challenge.acme.test in zone acme.test: the command sh failed (exit status 1): bad token [secret]",
	} {
		err := zone(t, dns01.ZoneConfig{Zone: "acme.test", Exec: &dns01.Exec{Settings: program.Settings{
			Command: []string{"sh", "-c", script}, Env: []string{"EVERLEAF_TEST_TOKEN"}}}}).Add(t.Context(), record)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		fault := domain.AsFault(err)
		require.Equal(t, want, string(fault.Kind)+" "+string(fault.Reason)+": "+fault.Message)
	}
	gone := zone(t, dns01.ZoneConfig{Zone: "acme.test", Exec: &dns01.Exec{
		Settings: program.Settings{Command: []string{"/nowhere/update"}}}})
	requireFault(t, gone.Add(t.Context(), record), domain.FaultOperator, "DNSRefused", "exec.command")
}

// A record that is refused keeps no other one in DNS.
func TestARefusedRemovalKeepsNoOtherRecord(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "removed")
	records := []ports.DNSRecord{{Name: "a.acme.test", Value: "bad"}, {Name: "b.acme.test", Value: "good"},
		{Name: "c.acme.test", Value: "good"}}
	script := `case $(cat) in *bad*) exit 1 ;; *) echo x >> ` + log + ` ;; esac`
	exec := zone(t, dns01.ZoneConfig{Zone: "acme.test", Exec: &dns01.Exec{
		Settings: program.Settings{Command: []string{"sh", "-c", script}}}})
	requireFault(t, exec.Remove(t.Context(), records), domain.FaultOperator, "DNSRefused", "a.acme.test")
	content, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "x\nx\n", string(content))
}
