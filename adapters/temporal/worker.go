package temporal

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
)

// WorkerOptions says what one worker is for and how much it may do at once.
type WorkerOptions struct {
	// Role joins the worker's identity, pid@host/role/life: histories and the UI show who did what.
	Role string
	// TaskQueue is where it polls.
	TaskQueue string
	// Workflows and Activities say which tasks it polls for; Nexus tasks only if a Nexus service is registered.
	Workflows, Activities bool
	// Slots is how much it may do at once; it is ignored where there is a Tuner.
	Slots Slots
	// Tuner, if not nil, gives slots by memory and CPU; see NewTuner. All workers of a process share one.
	Tuner worker.WorkerTuner
	// MaxPollers is the upper bound of the pollers of each kind of task; zero is the SDK's own, 100.
	MaxPollers int
	// Versioning is the worker's deployment version; the zero value is off.
	Versioning Versioning
	// Drain is how long running work may go on after Stop; Release is how long what is left may then take to say so.
	Drain, Release time.Duration
}

// Slots is how many tasks of each kind run at once; zero is the SDK's own limit of 1000.
type Slots struct {
	Workflow, LocalActivity, Activity, Nexus int
}

// Versioning names a worker deployment version.
type Versioning struct {
	Enabled             bool
	Deployment, BuildID string
}

// Worker is the SDK's worker with a stop that ends in time.
type Worker struct {
	worker.Worker
	// identity and taskQueue are how the server knows it.
	identity, taskQueue string

	drain   time.Duration
	release context.CancelCauseFunc
	pollers []Poller
}

// Pollers are whom the server sees once the worker has started.
func (w *Worker) Pollers() []Poller { return w.pollers }

// RegisterNexusService has the worker poll for Nexus tasks.
func (w *Worker) RegisterNexusService(service *nexus.Service) {
	w.Worker.RegisterNexusService(service)
	w.polls(enumspb.TASK_QUEUE_TYPE_NEXUS)
}

func (w *Worker) polls(kind enumspb.TaskQueueType) {
	poller := Poller{Identity: w.identity, TaskQueue: w.taskQueue, Type: kind}
	if !slices.Contains(w.pollers, poller) {
		w.pollers = append(w.pollers, poller)
	}
}

// NewWorker makes a worker that is not started yet. onFatal hears of an error that polling cannot recover from (the
// namespace is gone, the server refuses this SDK); the worker stops itself then. Options that the SDK would panic on
// are refused by package app before.
func NewWorker(c client.Client, options WorkerOptions, onFatal func(error)) *Worker {
	released, release := context.WithCancelCause(context.Background())
	settings := options.sdk(released, onFatal)
	w := &Worker{Worker: worker.New(c, options.TaskQueue, settings), identity: settings.Identity,
		taskQueue: options.TaskQueue,
		drain:     options.Drain, release: release}
	if options.Workflows {
		w.polls(enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	}
	if options.Activities {
		w.polls(enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	}
	return w
}

// sdk are the options of the SDK's worker; cmd/everleaf/docs/temporal-worker.md explains each, and those that are left
// alone.
func (o WorkerOptions) sdk(released context.Context, onFatal func(error)) worker.Options {
	settings := worker.Options{
		Identity: identity(o.Role),
		// Every workflow and activity is called by the name in ports; a Go function's name must never resolve.
		DisableRegistrationAliasing: true,
		DisableWorkflowWorker:       !o.Workflows,
		LocalActivityWorkerOnly:     !o.Activities,
		// The SDK's default of 0 cancels running activities the moment a deployment begins. This bounds each of its
		// stages (workflow tasks, local activities, activities); Stop and its caller bound them together.
		WorkerStopTimeout: o.Drain + o.Release,
		OnFatalError:      onFatal,
		Interceptors:      []interceptor.WorkerInterceptor{&releasing{released: released}},

		WorkflowTaskPollerBehavior: pollers(o.MaxPollers),
		ActivityTaskPollerBehavior: pollers(o.MaxPollers),
		NexusTaskPollerBehavior:    pollers(o.MaxPollers),
	}
	if o.Tuner != nil {
		settings.Tuner = o.Tuner
	} else {
		settings.MaxConcurrentWorkflowTaskExecutionSize = o.Slots.Workflow
		settings.MaxConcurrentLocalActivityExecutionSize = o.Slots.LocalActivity
		settings.MaxConcurrentActivityExecutionSize = o.Slots.Activity
		settings.MaxConcurrentNexusTaskExecutionSize = o.Slots.Nexus
	}
	if o.Versioning.Enabled {
		settings.DeploymentOptions = worker.DeploymentOptions{UseVersioning: true,
			Version: worker.WorkerDeploymentVersion{
				DeploymentName: o.Versioning.Deployment, BuildID: o.Versioning.BuildID,
			}}
	}
	return settings
}

// SetStickyCache says how many workflows the workers of this process keep in memory together, each with a goroutine;
// zero keeps none. Call it before the first worker is made.
func SetStickyCache(workflows int) { worker.SetStickyWorkflowCacheSize(workflows) }

// SetBuild names this build in each workflow task that a worker of this process completes, with versioning or without;
// empty leaves the SDK's checksum of the binary. Call it before the first worker is made.
func SetBuild(id string) {
	if id != "" {
		worker.SetBinaryChecksum(id)
	}
}

// pollers scale with the load.
func pollers(most int) worker.PollerBehavior {
	return worker.NewPollerBehaviorAutoscaling(pollerOptions(most))
}

func pollerOptions(most int) worker.PollerBehaviorAutoscalingOptions {
	return worker.PollerBehaviorAutoscalingOptions{MaximumNumberOfPollers: most}
}

var life = strings.ToLower(rand.Text()[:6])

// identity ends with a word of this process's life alone: a container that is restarted has the pid and the host of the
// one before, whose polls the server remembers for minutes.
func identity(role string) string {
	return fmt.Sprintf("%d@%s/%s/%s", os.Getpid(), Host(), role, life)
}

// ProcessID is the identity of this process's workers without the role: pid@host/life.
func ProcessID() string { return fmt.Sprintf("%d@%s/%s", os.Getpid(), Host(), life) }

// Host is this host's name.
func Host() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}
