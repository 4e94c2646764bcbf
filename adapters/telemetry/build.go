package telemetry

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// release is the version that a build was given:
//
//	go build -ldflags "-X everleaf/adapters/telemetry.release=v1.2.3" ./cmd/everleaf
var release string

// Build is what is known of the binary.
type Build struct {
	// Version is the one that the build was given, else the one that the Go toolchain has found in the version control
	// system, else "unknown".
	Version string
	// Revision is the commit; "unknown" where the binary was built without it.
	Revision string
	// Modified reports whether files had changes that were not committed.
	Modified  bool
	GoVersion string
}

// ThisBuild describes this binary.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(release, info)
}

// devel is what the toolchain calls a version that it does not know.
const devel = "(devel)"

func buildOf(release string, info *debug.BuildInfo) Build {
	b := Build{Revision: "unknown", GoVersion: runtime.Version()}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	known := info.Main.Version
	if known == devel {
		known = ""
	}
	b.Version = cmp.Or(release, known, "unknown")
	return b
}
