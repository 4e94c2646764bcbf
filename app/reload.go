package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/fx"

	"everleaf/adapters/acme"
	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
	"everleaf/adapters/pull"
	"everleaf/adapters/telemetry"
	"everleaf/ports"
)

// reloadInterval is how often the configuration file is compared with what was read last. It is read whole: a file that
// a platform replaces through symbolic links changes without a sign.
const reloadInterval = 10 * time.Second

// reload reads the configuration file again when it changes, or at SIGHUP, and puts its issuers, targets and zones in
// the place of the former ones: all of them, or none.
type reload struct {
	logger    *slog.Logger
	telemetry *telemetry.Telemetry
	parts     []part

	mu     sync.Mutex
	config Config
	digest [sha256.Size]byte
	roots  [sha256.Size]byte // of the files with the CAs' roots
	since  time.Time
	// refused is why the file as it is now is not used; nil if it is.
	refused error

	// swapped has a value after the file was read again.
	swapped chan struct{}

	cancel context.CancelFunc
	ended  chan struct{}
}

// part makes what a config describes; swap puts it in the place of what there was. It contacts nobody.
type part func(Config) (swap func(), err error)

func newReload(config Config, t *telemetry.Telemetry, logger *slog.Logger) *reload {
	return &reload{config: config, telemetry: t, logger: logger, since: time.Now(), digest: config.fileDigest,
		roots:   caRoots(config),
		swapped: make(chan struct{}, 1), ended: make(chan struct{})}
}

// reloadParts are those that the roles have.
func reloadParts(config Config) fx.Option {
	var parts []fx.Option
	if len(config.issuing()) > 0 {
		parts = append(parts, fx.Invoke(func(r *reload, issuers *acme.Issuers, solver *dns01.Solver,
			accounts ports.Accounts,
			sealer ports.Sealer, records ports.DNSRecords, logger *slog.Logger) {
			r.parts = append(r.parts, func(c Config) (func(), error) {
				next, err := newIssuers(c, accounts, sealer, logger)
				return func() { issuers.Replace(next) }, err
			}, func(c Config) (func(), error) {
				next, err := dns01.NewSolver(c.DNS01, records)
				return func() { solver.Replace(next) }, err
			})
		}))
	}
	if config.has(RoleDelivery) {
		parts = append(parts, fx.Invoke(func(r *reload, targets *delivery.Targets, tokens ports.KeyTokens,
			logger *slog.Logger) {
			r.parts = append(r.parts, func(c Config) (func(), error) {
				next, err := newTargets(c, tokens, logger)
				return func() { targets.Replace(next) }, err
			})
		}))
	}
	if config.pulls() {
		parts = append(parts, fx.Invoke(func(r *reload, server *pull.Server) {
			r.parts = append(r.parts, func(c Config) (func(), error) {
				return func() { server.Replace(pullConfig(c).Clients) }, nil
			})
		}))
	}
	return fx.Options(parts...)
}

// keepReload watches the file while the process runs. A SIGHUP without a file does nothing: it would end the process
// without a drain.
func keepReload(lifecycle fx.Lifecycle, r *reload, health *health) error {
	if r.current().File != "" {
		health.check("config", func(context.Context) (string, error) { return r.String(), nil })
		if err := telemetry.ShowReload(r.telemetry.Metrics, func() bool { return r.failure() != nil }); err != nil {
			return err
		}
	}
	lifecycle.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
			r.cancel = cancel
			go r.keep(lasting)
			return nil
		},
		OnStop: func(ctx context.Context) error {
			r.cancel()
			select { // a file on a mount that hangs is not waited for
			case <-r.ended:
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			return nil
		},
	})
	return nil
}

func (r *reload) keep(ctx context.Context) {
	defer close(r.ended)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			r.logger.Info("asked to read the configuration file again", "file", r.current().File)
			r.read(true)
		case <-time.After(reloadInterval):
			r.read(false)
		}
	}
}

// read uses the file if it has changed, or anyway if forced.
func (r *reload) read(forced bool) {
	current := r.current()
	if current.File == "" {
		return
	}
	found, roots := digest(current.File), caRoots(current)
	if !forced && found == r.digest && roots == r.roots {
		return
	}
	r.digest, r.roots = found, roots // one that is refused is tried again when it changes
	next, err := r.use(current)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused = err; err != nil {
		r.logger.Error("the configuration file has changed and cannot be used: the former one stays in force", "error",
			err)
		return
	}
	if gone := dropped(describe(r.config), describe(next)); len(gone) > 0 {
		r.logger.Warn("the configuration file no longer has something that it had: certificates that ask for it wait until a "+
			"process has it again, and everleaf doctor counts them", "gone", strings.Join(gone, ", "))
	}
	r.config, r.since = next, time.Now()
	select {
	case r.swapped <- struct{}{}: // others are to know at once what this process has
	default:
	}
	r.logger.Info("the configuration file was read again", "file", next.File, "issuers", len(next.Issuers), "targets",
		len(next.Targets), "zones", len(next.DNS01.Zones))
}

// dropped names what a process had before and has not any more.
func dropped(before, next ports.ProcessSettings) (gone []string) {
	for _, issuer := range before.Issuers {
		if !slices.ContainsFunc(next.Issuers, func(i ports.ProcessIssuer) bool { return i.Name == issuer.Name }) {
			gone = append(gone, "issuer "+issuer.Name)
		}
	}
	for _, target := range before.Targets {
		if !slices.ContainsFunc(next.Targets, func(t ports.ProcessTarget) bool { return t.Name == target.Name }) {
			gone = append(gone, "target "+target.Name)
		}
	}
	for _, zone := range before.Zones {
		if !slices.Contains(next.Zones, zone) {
			gone = append(gone, "DNS zone "+zone)
		}
	}
	return gone
}

// use makes all parts before it swaps any.
func (r *reload) use(current Config) (Config, error) {
	next := current
	if err := next.ReadFile(current.File, Variable); err != nil {
		return current, err
	}
	if err := next.Validate(); err != nil {
		return current, err
	}
	next = watched(next, r.telemetry)
	var swaps []func()
	for _, part := range r.parts {
		swap, err := part(next)
		if err != nil {
			return current, err
		}
		swaps = append(swaps, swap)
	}
	for _, swap := range swaps {
		swap()
	}
	return next, nil
}

// current is the config in force.
func (r *reload) current() Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.config
}

func (r *reload) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// String is the line of readiness: a file that cannot be used keeps nothing from working.
func (r *reload) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := r.since.UTC().Format(time.RFC3339)
	if r.refused != nil {
		return fmt.Sprintf("NOT READ AGAIN: %s; the file as it was at %s stays in force, until that is corrected",
			r.refused,
			since)
	}
	return r.config.File + ", as it was at " + since
}

// caRoots distinguishes one content of the issuers' CA bundles from the next.
func caRoots(config Config) [sha256.Size]byte {
	var all []byte
	for _, issuer := range config.Issuers {
		if issuer.CABundle != "" {
			sum := digest(issuer.CABundle)
			all = append(all, sum[:]...)
		}
	}
	return sha256.Sum256(all)
}

// digest is the zero one for a file that cannot be read, which read then says.
func digest(path string) (sum [sha256.Size]byte) {
	content, err := os.ReadFile(path)
	if err != nil {
		return sum
	}
	return sha256.Sum256(content)
}
