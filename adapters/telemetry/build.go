package telemetry

import (
	"runtime"
	"runtime/debug"
)

// build is what the Go toolchain recorded in the binary.
type build struct{ version, revision, goVersion string }

func thisBuild() build {
	b := build{version: "unknown", revision: "unknown", goVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.revision = setting.Value
		}
	}
	return b
}
