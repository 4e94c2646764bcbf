package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"everleaf/ports"
)

// crashTimeout bounds what a caller waits for: a killed step is noticed after 15 s, a killed workflow task after 10 s.
const crashTimeout = 90 * time.Second

// lane has one worker at a time, on its own task queue, that reaches Postgres and the CA only through a trap. The
// lanes share the servers.
type lane struct {
	*stack
	host   string // the name that the certificate is for
	trap   *trap
	ca     *crashCA
	worker *process
	// files is the directory that the certificate is delivered to, temporary the worker's own.
	files, temporary string
}

// newLane starts the worker of a lane called name.
func newLane(t testing.TB, shared *stack, ca realCA, name string, idle map[string]bool) *lane {
	t.Helper()
	own := *shared
	own.t, own.log, own.env = t, &syncBuffer{}, slices.Clone(shared.env)
	own.name = shared.name + "-" + name
	own.queue = "everleaf-" + own.name
	l := &lane{stack: &own, host: name + ".example.test", trap: newTrap(idle), temporary: t.TempDir()}
	l.ca = newCrashCA(t, ca, l.trap)

	dir := t.TempDir()
	l.files = filepath.Join(dir, "tls", own.name)
	require.NoError(t, os.MkdirAll(l.files, 0o700)) // it is watched before the first delivery
	watchFiles(t, l.files, l.trap)
	file, err := json.Marshal(map[string]any{
		"issuers": []any{map[string]any{
			// By its own name, for its own account: another lane may have had the same address before.
			"name": own.name, "directory": l.ca.Directory, "caBundle": l.ca.CABundle, "email": "ops@example.com",
		}},
		"targets": []any{map[string]any{"name": "files", "directory": map[string]any{
			"path": filepath.Join(dir, "tls", "{name}"), "combined": "tls.pem", "command": newCommand(t, l.trap),
		}}},
	})
	require.NoError(t, err)
	config := filepath.Join(dir, "everleaf.yaml") // JSON is YAML
	require.NoError(t, os.WriteFile(config, file, 0o600))

	address, err := url.Parse(l.setting("EVERLEAF_POSTGRES_URL"))
	require.NoError(t, err)
	address.Host = newSQLProxy(t, address.Host, l.trap)
	for setting, value := range map[string]string{
		"EVERLEAF_POSTGRES_URL": address.String(), "EVERLEAF_TASK_QUEUE": own.queue, "EVERLEAF_CONFIG": config,
		"TMPDIR":                  l.temporary,
		"EVERLEAF_ACME_DIRECTORY": "", "EVERLEAF_ACME_CA_BUNDLE": "", "EVERLEAF_ACME_EMAIL": "",
		"EVERLEAF_FLEET_STATS_INTERVAL": "24h", "EVERLEAF_SWEEP_INTERVAL": "0",
		// HTTP-01 is answered by a process that all lanes share and nobody kills: there is one address to ask.
		"EVERLEAF_ROLES": "workflows,authorization,delivery",
	} {
		l.set(setting, value)
	}
	l.start()
	return l
}

func (l *lane) start() {
	l.t.Helper()
	l.worker = l.run()
}

// quit ends the lane, so that it costs the others nothing.
func (l *lane) quit() {
	_ = l.temporal.TerminateWorkflow(context.Background(), ports.WorkflowID(l.name), "", "the test is over")
	l.worker.kill()
}

// crashStatus is what a caller reads of an answer.
type crashStatus struct {
	Phase  string
	Issued *struct{ Version, Serial string }
}

// ready reads an answer, which must say that a certificate is in service.
func ready(raw converter.RawValue, err error) (s crashStatus, _ error) {
	if err != nil {
		return s, err
	}
	data := raw.Payload().GetData()
	if err := json.Unmarshal(data, &s); err != nil {
		return s, err
	}
	if s.Phase != "Ready" || s.Issued == nil {
		return s, fmt.Errorf("not ready: %s", data)
	}
	return s, nil
}

// issue asks for the certificate, and for its delivery to the targets.
func (l *lane) issue(targets ...string) (crashStatus, error) {
	spec := map[string]any{"names": []string{l.host}, "issuers": []string{l.name}, "deliveries": targets}
	input, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		return crashStatus{}, err
	}
	return ready(l.ensure(l.name, string(input), string(input)))
}

// update asks for something else, by an update's name and argument.
func (l *lane) update(name, argument string) (raw converter.RawValue, _ error) {
	ctx, cancel := context.WithTimeout(context.Background(), crashTimeout)
	defer cancel()
	handle, err := l.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: ports.WorkflowID(l.name), UpdateName: name, Args: []any{plain(argument)},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return raw, err
	}
	err = handle.Get(ctx, &raw)
	return raw, err
}

// delivered waits until the target has confirmed what the caller was answered.
func (l *lane) delivered(status crashStatus, err error) (crashStatus, error) {
	if err != nil {
		return status, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), crashTimeout)
	defer cancel()
	for confirmed := false; !confirmed; {
		err := l.pool.QueryRow(ctx, `SELECT count(*) > 0 FROM deliveries WHERE certificate = $1 AND version = $2::uuid`,
			l.name, status.Issued.Version).Scan(&confirmed)
		if err != nil {
			return status, fmt.Errorf("wait for the delivery: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return status, nil
}

// settled waits until the workflow sleeps.
func (l *lane) settled() {
	l.t.Helper()
	l.eventually("the workflow to sleep", l.asleep)
}

// asleep reports whether the workflow waits for nothing but its timer, or has ended.
func (l *lane) asleep() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d, err := l.temporal.DescribeWorkflow(ctx, ports.WorkflowID(l.name), "")
	return err == nil && len(d.RawResponse.GetPendingActivities()) == 0 && d.RawResponse.GetPendingWorkflowTask() == nil
}

// remains is what there is of the lane's certificate.
type remains struct {
	// orders, certificates and revoked are the CA's.
	orders, certificates, revoked int
	// stored is the orders in Postgres, abandoned ones too; versions and tokens are there as well; delivered is the
	// targets that have confirmed the latest version.
	stored, versions, tokens, delivered int
}

var issuedByPebble = regexp.MustCompile(`Issued certificate serial \S+ for order (\S+)`)

func (l *lane) remains() (found remains) {
	l.t.Helper()
	made, revoked := l.ca.made()
	found.orders, found.revoked = len(made), revoked
	for _, issued := range issuedByPebble.FindAllStringSubmatch(l.stack.ca.Log(), -1) {
		if made[issued[1]] {
			found.certificates++
		}
	}
	found.stored = l.scalar(`SELECT count(*) FROM orders WHERE certificate = $1`, l.name)
	found.versions = l.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, l.name)
	found.tokens = l.scalar(`SELECT count(*) FROM http_tokens
		WHERE order_id IN (SELECT id FROM orders WHERE certificate = $1)`, l.name)
	found.delivered = l.scalar(`SELECT count(*) FROM deliveries WHERE certificate = $1
		AND version = (SELECT id FROM versions WHERE certificate = $1 ORDER BY created_at DESC LIMIT 1)`, l.name)
	return found
}

// tree is what lies in a directory, links not followed; nothing if it is not there.
func tree(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && path != dir {
			names = append(names, common(strings.TrimPrefix(path, dir+"/"))+" "+entry.Type().String())
		}
		return err
	})
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	slices.Sort(names)
	return names
}

var numbered = regexp.MustCompile(`[0-9a-zA-Z_-]*[0-9][0-9a-zA-Z_-]*`)

// common is a name without what differs from one delivery to the next.
func common(name string) string { return numbered.ReplaceAllString(name, "N") }
