package temporal

import (
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// stickyCache is how many workflows a process keeps in memory, each with a goroutine. It is meant for certificates at
// work: one that sleeps for weeks gains nothing from it, and replaying its short history costs less than keeping it.
const stickyCache = 500

// NewWorker makes the worker of the task queue. onFatal hears of an error that polling cannot recover from (the
// namespace is gone, the server refuses this SDK); the worker stops itself then.
//
// Stop works in stages, one after the other (workflow tasks, local activities, activities), each bounded by
// Config.StopTimeout; workflow tasks take milliseconds, so nearly all of it is left to activities.
func NewWorker(c client.Client, config Config, onFatal func(error)) worker.Worker {
	worker.SetStickyWorkflowCacheSize(stickyCache) // for the whole process; it must come before the first start
	return worker.New(c, config.TaskQueue, worker.Options{
		// Every workflow and activity is called by the name in ports; a Go function's name must never resolve.
		DisableRegistrationAliasing: true,
		// The default of 0 cancels running activities the moment a deployment begins.
		WorkerStopTimeout: config.StopTimeout,
		OnFatalError:      onFatal,
		// Left as they are: WorkflowPanicPolicy blocks a workflow until a fixed version is there, so that a bad
		// release fails no certificate; slots and pollers, of which one process does not run short.
	})
}
