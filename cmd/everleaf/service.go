package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"everleaf/app"
)

type migrateCmd struct {
	postgresSettings
	temporalSettings
	startSettings
	SkipTemporal bool `group:"temporal" env:"EVERLEAF_SKIP_TEMPORAL" help:"Leave the namespace's search attributes to others: for a server where this process may not add them."`
}

// Run may be repeated, and run by any number of replicas at once.
func (m migrateCmd) Run(ctx context.Context, k *kit) error {
	var config app.Config
	m.postgresSettings.apply(&config)
	m.startSettings.apply(&config)
	m.temporalSettings.apply(&config)
	config.Postgres.Logger = k.logger // an init container that waits should say for whom
	from, to, err := k.migrate(ctx, config)
	if err != nil {
		return err
	}
	said := fmt.Sprintf("schema migrated from version %d to %d\n", from, to)
	if from == to {
		said = fmt.Sprintf("schema is at version %d, as this binary needs\n", to)
	}
	if err := k.print("%s", said); err != nil || m.SkipTemporal {
		return err
	}
	added, err := k.migrateTemporal(ctx, config, k.logger)
	switch {
	case err != nil:
		return err
	case len(added) == 0:
		return k.print("the namespace knows the search attributes\n")
	default:
		return k.print("search attributes added to the namespace: %s\n", strings.Join(added, ", "))
	}
}

type versionCmd struct{}

// Run prints what --version prints.
func (versionCmd) Run(k *kit) error { return k.print("%s\n", version()) }

// version is what the Go toolchain recorded in the binary.
func version() string {
	version, revision, modified := "(unknown)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				revision = ", revision " + setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				modified = " with changes"
			}
		}
	}
	return fmt.Sprintf("everleaf %s%s%s, %s %s/%s", version, revision, modified, runtime.Version(), runtime.GOOS,
		runtime.GOARCH)
}

func (k kit) print(format string, args ...any) error {
	_, err := fmt.Fprintf(k.out, format, args...)
	return err
}
