package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"everleaf/app"
)

type workerCmd struct {
	PrintRegistrations registrations `group:"roles" help:"Print what the roles' workers run, by task queue, and exit; no other setting is needed and nobody is contacted."`
	workerSettings
}

// workerSettings are all that a worker has.
type workerSettings struct {
	Roles roleList `group:"roles" env:"EVERLEAF_ROLES" default:"${roles}" placeholder:"ROLE,…" help:"What this process does; each role but responder and pull is a worker on its own task queue. responder needs no Temporal, sealing key or CA."`
	temporalSettings
	postgresSettings
	SealingKey string `group:"sealing" env:"EVERLEAF_SEALING_KEY" placeholder:"URL" help:"Key that seals private keys at rest: file:///path (32 random bytes, base64), or awskms://, gcpkms://, azurekeyvault://, hashivault:// as in gocloud.dev/secrets. Needed by the roles workflows, authorization and delivery, and by pull."`
	oldSealingSettings
	acmeSettings
	http01Settings
	dns01Settings
	opsSettings
	pullSettings
	deliverySettings
	slotSettings
	versioningSettings
	startSettings
	stopSettings
	telemetrySettings
	sweepSettings
}

// Help says how long a stop takes, from the same sum as the worker does.
func (workerCmd) Help() string {
	defaults := app.Config{Roles: app.AllRoles(), StopTimeout: defaultStop}
	return fmt.Sprintf("Stop: SIGINT or SIGTERM ends polling; running steps may finish within --stop-timeout, and what "+
		"is left is then "+
		"released to other workers. The process is gone within its stop budget, by default %s; the platform's own limit "+
		"(terminationGracePeriodSeconds) must be longer, which --termination-grace-period checks at start.",
		defaults.StopBudget())
}

// config is what the settings and the configuration file say; what cannot work is refused.
func (w workerSettings) config() (app.Config, error) {
	config := app.Config{Roles: w.Roles}
	for _, group := range []interface{ apply(*app.Config) }{
		w.temporalSettings, w.postgresSettings, sealingSettings{w.SealingKey, w.oldSealingSettings}, w.acmeSettings,
		w.http01Settings, w.dns01Settings, w.opsSettings,
		w.pullSettings, w.deliverySettings, w.slotSettings, w.versioningSettings, w.startSettings, w.stopSettings,
		w.telemetrySettings, w.sweepSettings,
	} {
		group.apply(&config)
	}
	return config, cmp.Or(w.check(), w.load(&config), config.Validate())
}

// Run runs until a signal comes; a signal is not an error.
func (w workerCmd) Run(ctx context.Context, k *kit) error {
	config, err := w.config()
	if err != nil {
		return err
	}
	if unused := w.unused(); unused != "" {
		k.logger.Warn(unused + " counts only with --worker-versioning (EVERLEAF_WORKER_VERSIONING), which is off: this " +
			"worker polls unversioned")
	}
	return k.worker(ctx, config, k.logger)
}

// roleList is a comma-separated list of roles.
type roleList []app.Role

// Decode takes one word; kong's own splitting would take "a,,b" for two roles.
func (r *roleList) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	if token.IsEOL() {
		return errors.New("roles are missing: choose from " + app.JoinRoles(app.AllRoles()))
	}
	roles, err := app.ParseRoles(token.String())
	*r = roles
	return err
}

// registrations is a flag that prints and exits, before kong asks for settings that printing does not need.
type registrations bool

// BeforeApply is called by kong if the flag is given.
func (registrations) BeforeApply(kctx *kong.Context) error {
	var roles roleList
	queue, host := "", ""
	for _, flag := range kctx.Flags() {
		switch value := kctx.FlagValue(flag).(type) {
		case roleList:
			roles = value
		case string:
			switch flag.Name {
			case "task-queue":
				queue = value
			case "delivery-host":
				host = value
			}
		}
	}
	all := app.Registrations(roles, queue, host)
	if len(all) == 0 {
		_, _ = fmt.Fprintf(kctx.Stdout, "The role %s polls no task queue: nothing is registered.\n",
			app.JoinRoles(roles))
		kctx.Exit(exitOK)
		return nil
	}
	table := tabwriter.NewWriter(kctx.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ROLE\tTASK QUEUE\tKIND\tNAME\tSUMMARY")
	for _, r := range all {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Role, r.TaskQueue, r.Kind, r.Name, r.Summary)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	kctx.Exit(exitOK)
	return nil
}

const defaultStop = 25 * time.Second

type stopSettings struct {
	StopTimeout            duration  `group:"timing" env:"EVERLEAF_STOP_TIMEOUT" default:"25s" placeholder:"DURATION" help:"How long running steps may go on after SIGTERM."`
	TerminationGracePeriod *duration `group:"timing" env:"EVERLEAF_TERMINATION_GRACE_PERIOD" placeholder:"DURATION" help:"When the platform ends the process by force, for example 30s; the worker does not start if its stop budget does not fit."`
}

func (s stopSettings) apply(c *app.Config) {
	c.StopTimeout = time.Duration(s.StopTimeout)
	if s.TerminationGracePeriod != nil {
		c.TerminationGracePeriod = time.Duration(*s.TerminationGracePeriod)
	}
}

type slotSettings struct {
	WorkflowSlots       *int    `group:"slots" env:"EVERLEAF_WORKFLOW_SLOTS" placeholder:"N" help:"Workflow tasks at once; else ${workflow_slots}."`
	LocalStepSlots      *int    `group:"slots" env:"EVERLEAF_LOCAL_STEP_SLOTS" placeholder:"N" help:"Short steps at once; else ${local_step_slots}."`
	AuthorizationSlots  *int    `group:"slots" env:"EVERLEAF_AUTHORIZATION_SLOTS" placeholder:"N" help:"Steps at once that wait for the CA; else ${authorization_slots}."`
	DeliverySlots       *int    `group:"slots" env:"EVERLEAF_DELIVERY_SLOTS" placeholder:"N" help:"Deliveries at once; else ${delivery_slots}."`
	NexusSlots          *int    `group:"slots" env:"EVERLEAF_NEXUS_SLOTS" placeholder:"N" help:"Nexus operations under way at once; else ${nexus_slots}."`
	TargetMemory        float64 `group:"slots" env:"EVERLEAF_TARGET_MEMORY" placeholder:"FRACTION" help:"Give slots while less than this part of the memory is used, for example 0.8, in place of fixed slots. In a container it needs a memory limit."`
	TargetCPU           float64 `name:"target-cpu" group:"slots" env:"EVERLEAF_TARGET_CPU" placeholder:"FRACTION" help:"The same for the CPU; a target that is left out is ${target_memory} for memory and ${target_cpu} for the CPU."`
	MaxPollers          int     `group:"slots" env:"EVERLEAF_MAX_POLLERS" default:"${max_pollers}" placeholder:"N" help:"Most long polls of each kind of task; they scale with the load."`
	StickyCache         int     `group:"slots" env:"EVERLEAF_STICKY_CACHE" default:"${sticky_cache}" placeholder:"N" help:"Workflows kept in memory. It is meant for those at work; one that sleeps for weeks is cheaper replayed."`
	ListenerConnections int     `group:"slots" env:"EVERLEAF_LISTENER_CONNECTIONS" default:"${listener_connections}" placeholder:"N" help:"Connections to Postgres that challenges and clients who fetch certificates have of their own in a process with workers."`
}

func (s slotSettings) apply(c *app.Config) {
	c.ListenerConnections = s.ListenerConnections
	slots := &c.Workers.Slots
	for _, chosen := range []struct{ given, slots *int }{
		{s.WorkflowSlots, &slots.Workflow}, {s.LocalStepSlots, &slots.LocalStep},
		{s.AuthorizationSlots, &slots.Authorization}, {s.NexusSlots, &slots.Nexus},
		{s.DeliverySlots, &slots.Delivery},
	} {
		if chosen.given != nil {
			*chosen.slots = *chosen.given
		}
	}
	c.Workers.TargetMemory, c.Workers.TargetCPU = s.TargetMemory, s.TargetCPU
	c.Workers.MaxPollers, c.Workers.StickyCache = s.MaxPollers, s.StickyCache
}

// check refuses a zero that was given: in app.Config it stands for the default, which nobody means who writes it.
func (s slotSettings) check() error {
	for _, chosen := range []struct {
		flag  string
		given *int
	}{
		{"workflow-slots", s.WorkflowSlots}, {"local-step-slots", s.LocalStepSlots},
		{"authorization-slots", s.AuthorizationSlots}, {"nexus-slots", s.NexusSlots},
		{"delivery-slots", s.DeliverySlots},
		{"max-pollers", &s.MaxPollers},
	} {
		if chosen.given != nil && *chosen.given == 0 {
			return app.InvalidSetting(chosen.flag, "0", "use a whole number above 0, or leave it out for the default")
		}
	}
	return nil
}

type versioningSettings struct {
	WorkerVersioning bool   `group:"versioning" env:"EVERLEAF_WORKER_VERSIONING" help:"Poll as a worker deployment version: nothing runs on a new build until it is made current or ramped (temporal worker deployment). Off by default."`
	DeploymentName   string `group:"versioning" env:"EVERLEAF_DEPLOYMENT_NAME,TEMPORAL_DEPLOYMENT_NAME" placeholder:"NAME" help:"The deployment; else ${deployment_name}."`
	BuildID          string `name:"build-id" group:"versioning" env:"EVERLEAF_BUILD_ID,TEMPORAL_WORKER_BUILD_ID" placeholder:"ID" help:"The build, by which workflow histories name it, with versioning or without; else the revision that this binary was built from."`
}

func (s versioningSettings) apply(c *app.Config) {
	v := &c.Workers.Versioning
	v.Enabled, v.Deployment, v.BuildID = s.WorkerVersioning, s.DeploymentName, s.BuildID
	if v.Deployment == "" { // an empty variable is an unset one
		v.Deployment = app.DefaultDeployment
	}
	if v.BuildID == "" {
		v.BuildID = revision()
	}
}

// unused names what was given for versioning while that is off; empty if nothing was.
func (s versioningSettings) unused() string {
	if s.DeploymentName == "" || s.WorkerVersioning {
		return ""
	}
	return "--deployment-name (EVERLEAF_DEPLOYMENT_NAME, TEMPORAL_DEPLOYMENT_NAME)"
}

// revision is the commit that the binary was built from, marked if the work tree had changes; empty if nobody knows.
func revision() string {
	b := app.ThisBuild()
	switch {
	case b.Revision == "unknown":
		return ""
	case b.Modified:
		return b.Revision + "-changed"
	default:
		return b.Revision
	}
}

// settingVars are the values that flags' tags name.
func settingVars() kong.Vars {
	number := func(v any) string { return strings.TrimSpace(fmt.Sprint(v)) }
	return kong.Vars{
		"roles":          app.JoinRoles(app.AllRoles()),
		"workflow_slots": number(app.DefaultWorkflowSlots), "local_step_slots": number(app.DefaultLocalStepSlots),
		"authorization_slots": number(app.DefaultAuthorizationSlots),
		"delivery_slots":      number(app.DefaultDeliverySlots),
		"nexus_slots":         number(app.DefaultNexusSlots),
		"target_memory":       number(app.DefaultTargetMemory), "target_cpu": number(app.DefaultTargetCPU),
		"max_pollers": number(app.DefaultMaxPollers), "sticky_cache": number(app.DefaultStickyCache),
		"listener_connections": number(app.DefaultListenerConnections),
		"deployment_name":      app.DefaultDeployment,
	}
}
