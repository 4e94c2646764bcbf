package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/adapters/activities/issuing"
	"everleaf/adapters/postgres"
	"everleaf/domain"
)

// uses looks whether the processes that run have what the certificates ask for: an issuer or a target that somebody
// took out of the configuration file, or renamed, leaves them waiting.
func (d *doctor) uses(ctx context.Context, pool *pgxpool.Pool) (string, error) {
	target, err := d.config.temporalConfig()
	if err != nil {
		return "", caution("not looked at, for Temporal's settings cannot be used: correct that first")
	}
	processes, err := postgres.NewProcesses(pool).Processes(ctx)
	if err != nil {
		return "", err
	}
	configured := issuing.Configured(processes, target.TaskQueue)
	if configured.Issuers == nil && configured.Targets == nil {
		return "", caution("not looked at, for no worker process runs on this task queue")
	}
	uses, err := postgres.CountUses(ctx, pool)
	if err != nil {
		return "", err
	}
	return lacking(uses, configured)
}

// lacking names what certificates ask for and no process has. Of a kind of which no process has said anything, nothing
// is known.
func lacking(uses postgres.Uses, configured domain.Configured) (seen string, err error) {
	var lacks []string
	for _, issuer := range slices.Sorted(maps.Keys(uses.Issuers)) {
		if _, has := configured.Issuers[issuer]; !has && configured.Issuers != nil {
			lacks = append(lacks, fmt.Sprintf("issuer %s (asked for by %s)", issuer, certificates(uses.Issuers[issuer])))
		}
	}
	for _, target := range slices.Sorted(maps.Keys(uses.Targets)) {
		name, host, _ := strings.Cut(target, "@")
		if !slices.Contains(configured.Targets[host], name) && configured.Targets != nil {
			lacks = append(lacks, fmt.Sprintf("target %s (asked for by %s)", target, certificates(uses.Targets[target])))
		}
	}
	if len(lacks) > 0 {
		return "", fmt.Errorf("no running process has %s: configure it again, or take it out of the certificates "+
			"(everleaf cert change NAME --remove-issuer, --remove-target)", some(lacks))
	}
	switch {
	case configured.Issuers == nil && len(uses.Issuers) > 0:
		return "", caution("issuers were not looked at, for no process runs that has some; the targets are all there")
	case configured.Targets == nil && len(uses.Targets) > 0:
		return "", caution("targets were not looked at, for no process with the role delivery runs; the issuers are all there")
	}
	return "running processes have each issuer and target that certificates ask for", nil
}

func certificates(n int) string {
	if n == 1 {
		return "1 certificate"
	}
	return fmt.Sprintf("%d certificates", n)
}
