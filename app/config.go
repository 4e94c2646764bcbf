package app

import (
	"crypto/sha256"
	"log/slog"
	"time"

	"everleaf/adapters/acme"
	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
	"everleaf/adapters/http01"
	"everleaf/adapters/ops"
	"everleaf/adapters/postgres"
	"everleaf/adapters/pull"
	"everleaf/adapters/sealing"
	"everleaf/adapters/temporal"
)

// Config is all that can be set. Each function says which parts it reads.
type Config struct {
	// Roles are what the process does; see AllRoles.
	Roles    []Role
	Postgres postgres.Config
	Sealing  sealing.Config
	// File is the path of the configuration file that was read; empty for none.
	File string
	// fileDigest is that of the file's content as it was read.
	fileDigest [sha256.Size]byte
	// Issuers are the CAs, and Targets where certificates are delivered to; a configuration file gives both (ReadFile).
	Issuers []acme.Config
	Targets []delivery.Config
	// TargetNames are the names of all targets in the file, for metrics, whatever the roles.
	TargetNames []string
	HTTP01      http01.Config
	// ListenerConnections bounds the connections to Postgres of responder and pull, which have a pool of their own
	// where the process has workers as well; zero is DefaultListenerConnections.
	ListenerConnections int
	// DNS01 is how control of names is shown by DNS; the configuration file gives its Zones.
	DNS01 dns01.Config
	// DeliveryHost has the role delivery serve targets on this host alone; empty for those that every worker reaches.
	DeliveryHost string
	Ops          ops.Config
	// Pull is the listener of the role pull; its Clients are filled from Targets.
	Pull     pull.Config
	Temporal Temporal
	Workers  Workers
	Log      Log
	// FleetStatsInterval is the least time between two counts of all certificates for metrics.
	FleetStatsInterval time.Duration
	// SweepInterval is how often the whole fleet is looked after, in whole seconds; zero schedules nothing.
	SweepInterval time.Duration
	// StartTimeout bounds the wait for Postgres and the wait for Temporal, each.
	StartTimeout time.Duration
	// StopTimeout is how long running steps may go on after SIGTERM; StopBudget adds what comes after.
	StopTimeout time.Duration
	// TerminationGracePeriod is when the platform ends the process by force; zero if nobody said.
	TerminationGracePeriod time.Duration
}

// Temporal says which server and which task queue.
type Temporal struct {
	// Settings stand above Temporal's own convention (TEMPORAL_*, temporal.toml).
	Settings temporal.Settings
	// TaskQueue is the base queue, after which the roles' queues are named.
	TaskQueue string
	// CredentialsGrace is how long polls may be refused before the process ends; zero is defaultCredentialsGrace.
	CredentialsGrace time.Duration
}

// Workers says how much the workers of a process do at once, and as which build.
type Workers struct {
	Slots Slots
	// TargetMemory and TargetCPU, as fractions, give slots by what is in use instead; zero for fixed slots.
	TargetMemory, TargetCPU float64
	// MaxPollers bounds the pollers of each kind of task, which scale by themselves; zero is DefaultMaxPollers.
	MaxPollers int
	// StickyCache is how many workflows the process keeps in memory; zero keeps none.
	StickyCache int
	Versioning  temporal.Versioning
}

// Slots is how many tasks of each kind run at once; zero is the default.
type Slots struct {
	Workflow, LocalStep, Authorization, Nexus, Delivery int
}

// The defaults of Workers. A workflow task and its local steps take milliseconds of CPU and wait for Postgres or one
// CA call; an authorization, and
// a Nexus operation, waits for seconds. The workflows at work in a process, about as many as have a workflow
// task or an authorization in hand, fit in the sticky cache. One that sleeps for weeks gains nothing from it: its short
// history is replayed for less than the goroutine costs that would wait.
const (
	DefaultWorkflowSlots      = 200
	DefaultLocalStepSlots     = 200
	DefaultAuthorizationSlots = 300
	DefaultNexusSlots         = 300
	DefaultDeliverySlots      = 100
	DefaultMaxPollers         = 20
	DefaultStickyCache        = 500
	// DefaultListenerConnections is enough, since a statement asks for all tokens that wait.
	DefaultListenerConnections = 4
	// DefaultTargetMemory and DefaultTargetCPU complete a target that is given alone.
	DefaultTargetMemory = 0.8
	DefaultTargetCPU    = 0.9
	// DefaultDeployment names the worker deployment when versioning is on.
	DefaultDeployment = "everleaf"
)

// filled puts the defaults where nothing was chosen.
func (w Workers) filled() Workers {
	for _, setting := range []struct {
		chosen   *int
		fallback int
	}{
		{&w.Slots.Workflow, DefaultWorkflowSlots}, {&w.Slots.LocalStep, DefaultLocalStepSlots},
		{&w.Slots.Authorization, DefaultAuthorizationSlots}, {&w.Slots.Nexus, DefaultNexusSlots},
		{&w.Slots.Delivery, DefaultDeliverySlots}, {&w.MaxPollers, DefaultMaxPollers},
	} {
		if *setting.chosen == 0 {
			*setting.chosen = setting.fallback
		}
	}
	if w.tuned() && w.TargetMemory == 0 {
		w.TargetMemory = DefaultTargetMemory
	}
	if w.tuned() && w.TargetCPU == 0 {
		w.TargetCPU = DefaultTargetCPU
	}
	return w
}

// tuned reports whether slots follow memory and CPU.
func (w Workers) tuned() bool { return w.TargetMemory != 0 || w.TargetCPU != 0 }

// Log says how to log.
type Log struct {
	// Format is "text" or "json".
	Format string
	Level  slog.Level
}

// startStages is how many bounded waits a start has: Postgres, its checks, Temporal, the table of processes, the
// workers themselves, the schedule.
const startStages = 6

// temporalConfig loads the client's options; it contacts nobody.
func (c Config) temporalConfig() (temporal.Config, error) {
	if err := c.Temporal.validate(); err != nil {
		return temporal.Config{}, err
	}
	options, err := temporal.Options(c.Temporal.Settings)
	if err != nil {
		return temporal.Config{}, err
	}
	return temporal.Config{
		Client:    options,
		TaskQueue: c.Temporal.TaskQueue,
	}, nil
}
