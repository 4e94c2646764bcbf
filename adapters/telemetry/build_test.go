package telemetry

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuildHasAVersion(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		release string
		info    debug.BuildInfo
		version string
	}{
		{"v1.2.3", debug.BuildInfo{Main: debug.Module{Version: devel}}, "v1.2.3"},
		{"v1.2.3", debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-2026-abc"}, Settings: vcs}, "v1.2.3"},
		{"", debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-2026-abc"}, Settings: vcs}, "v0.0.0-2026-abc"},
		{"", debug.BuildInfo{Main: debug.Module{Version: devel}, Settings: vcs}, "unknown"},
		{"", debug.BuildInfo{}, "unknown"},
	} {
		got := buildOf(c.release, &c.info)
		require.Equal(t, c.version, got.Version)
		require.Equal(t, len(c.info.Settings) > 0, got.Modified)
		require.Equal(t, len(c.info.Settings) > 0, got.Revision == "abc")
	}
}
