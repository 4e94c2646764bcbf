package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

func TestWhatCertificatesAskForAndNobodyHas(t *testing.T) {
	t.Parallel()
	uses := postgres.Uses{Issuers: map[string]int{"default": 3, "spare": 1}, Targets: map[string]int{"nginx": 2,
		"nginx@edge": 1}}
	configured := domain.Configured{
		Issuers: map[string]domain.ConfiguredIssuer{"default": {}, "spare": {}},
		Targets: map[string][]string{"": {"nginx"}, "edge": {"nginx"}},
	}
	_, err := lacking(uses, configured)
	require.NoError(t, err)

	delete(configured.Issuers, "default")
	configured.Targets[""] = []string{"files"}
	delete(configured.Targets, "edge")
	_, err = lacking(uses, configured)
	require.EqualError(t, err, "no running process has issuer default (asked for by 3 certificates), "+
		"target nginx (asked for by 2 certificates), target nginx@edge (asked for by 1 certificate): configure it again, "+
		"or take it out of the certificates (everleaf cert change NAME --remove-issuer, --remove-target)")

	_, err = lacking(uses, domain.Configured{Issuers: map[string]domain.ConfiguredIssuer{"default": {}, "spare": {}}})
	require.ErrorAs(t, err, new(caution))
	require.ErrorContains(t, err, "no process with the role delivery runs")
}

// A CA's roots that are renewed in their file are read again, as the configuration file is.
func TestRootsOfIssuersAreWatched(t *testing.T) {
	t.Parallel()
	bundle := filepath.Join(t.TempDir(), "roots.pem")
	config := Config{Issuers: []Issuer{{Issuer: "plain"}, {Issuer: "inside", CABundle: bundle}}}
	absent := caRoots(config)
	require.NoError(t, os.WriteFile(bundle, []byte("first"), 0o600))
	first := caRoots(config)
	require.NotEqual(t, absent, first)
	require.Equal(t, first, caRoots(config))
	require.NoError(t, os.WriteFile(bundle, []byte("second"), 0o600))
	require.NotEqual(t, first, caRoots(config))
}

func TestWhatAReloadDrops(t *testing.T) {
	t.Parallel()
	before := ports.ProcessSettings{Issuers: []ports.ProcessIssuer{{Name: "a"}, {Name: "b"}},
		Targets: []ports.ProcessTarget{{Name: "nginx"}, {Name: "files"}}, Zones: []string{"example.com", "example.net"}}
	require.Empty(t, dropped(before, before))
	next := ports.ProcessSettings{Issuers: before.Issuers[1:], Targets: before.Targets[:1], Zones: before.Zones[:1]}
	require.Equal(t, []string{"issuer a", "target files", "DNS zone example.net"}, dropped(before, next))
	require.Empty(t, dropped(next, before))
}
