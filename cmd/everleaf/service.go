package main

import (
	"context"
	"fmt"
	"runtime"
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

// version is what is known of the binary, in a line.
func version() string {
	b := app.ThisBuild()
	changed := ""
	if b.Modified {
		changed = " with changes"
	}
	return fmt.Sprintf("everleaf %s, revision %s%s, %s %s/%s", b.Version, b.Revision, changed, b.GoVersion,
		runtime.GOOS,
		runtime.GOARCH)
}

func (k kit) print(format string, args ...any) error {
	_, err := fmt.Fprintf(k.out, format, args...)
	return err
}
