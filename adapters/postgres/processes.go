package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/ports"
)

var _ ports.Processes = (*Processes)(nil)

// Processes is the table of running processes. All instants are the database's, so that no two hosts' clocks have to
// agree.
type Processes struct{ pool *pgxpool.Pool }

// NewProcesses keeps the table in the pool's database.
func NewProcesses(pool *pgxpool.Pool) *Processes { return &Processes{pool: pool} }

// RecordProcess implements ports.Processes. Rows that another process is removing are left to it: nobody waits.
func (p *Processes) RecordProcess(ctx context.Context, process ports.Process) error {
	_, err := p.pool.Exec(ctx, `
		WITH gone AS (
			SELECT id FROM processes WHERE seen_at < now() - make_interval(secs => $5) AND id <> $1 FOR UPDATE SKIP LOCKED
		), pruned AS (
			DELETE FROM processes USING gone WHERE processes.id = gone.id
		)
		INSERT INTO processes (id, host, build, settings) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE
		SET host = EXCLUDED.host, build = EXCLUDED.build, settings = EXCLUDED.settings, seen_at = now()`,
		process.ID, process.Host, process.Build, process.ProcessSettings, ports.ProcessGone.Seconds())
	return interpret(err)
}

// RemoveProcess implements ports.Processes.
func (p *Processes) RemoveProcess(ctx context.Context, id string) error {
	_, err := p.pool.Exec(ctx, `DELETE FROM processes WHERE id = $1`, id)
	return interpret(err)
}

// Processes implements ports.Processes.
func (p *Processes) Processes(ctx context.Context) ([]ports.Process, error) {
	rows, err := p.pool.Query(ctx, `
		SELECT id, host, build, started_at, seen_at, settings FROM processes
		WHERE seen_at BETWEEN now() - make_interval(secs => $1) AND now() + make_interval(secs => $1)
		ORDER BY host, id`, ports.ProcessGone.Seconds())
	if err != nil {
		return nil, interpret(err)
	}
	processes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (process ports.Process, err error) {
		var settings []byte
		err = row.Scan(&process.ID, &process.Host, &process.Build, &process.StartedAt, &process.SeenAt, &settings)
		if unread := json.Unmarshal(settings, &process.ProcessSettings); unread != nil {
			// One row that cannot be read, of a newer build perhaps, hides none of the others.
			process.ProcessSettings = ports.ProcessSettings{Roles: []string{"unreadable settings: " + unread.Error()}}
		}
		process.StartedAt, process.SeenAt = process.StartedAt.UTC(), process.SeenAt.UTC()
		return process, err
	})
	return processes, interpret(err)
}
