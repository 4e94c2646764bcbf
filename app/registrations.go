package app

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nexus-rpc/sdk-go/nexus"
)

// Registration is one thing that a role's worker runs.
type Registration struct {
	Role      Role
	TaskQueue string
	// Kind is "workflow", "activity", "local activity" (nobody polls for one: it runs within its workflow's task) or
	// "nexus service".
	Kind string
	// Name is what callers and workflows call it by.
	Name string
	// Summary says in a few words what it does, or how it moves between builds.
	Summary string
}

// Registrations lists what the workers of these roles register on queues named after base, and host where they deliver.
// It runs the same registrations as they do, and contacts nobody.
func Registrations(chosen []Role, base, host string) []Registration {
	var all []Registration
	for _, r := range (Config{Roles: chosen}).polling() {
		list := &recorder{activity: "local activity", summaries: map[string]string{}}
		if r.activities {
			list.activity = "activity"
		}
		r.register(list, work{})
		for _, found := range list.found {
			found.Role, found.TaskQueue = r.name, r.queue(base, host)
			all = append(all, found)
		}
	}
	return all
}

// recorder is a registry that only remembers. What it does not implement, no role may use: everything is registered
// under its own name.
type recorder struct {
	worker.Registry
	found     []Registration
	activity  string // the kind of its activities
	summaries map[string]string
}

// behaviors are what people call the ways to move between builds.
var behaviors = map[workflow.VersioningBehavior]string{
	workflow.VersioningBehaviorAutoUpgrade: "auto-upgrade",
	workflow.VersioningBehaviorPinned:      "pinned",
}

func (r *recorder) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	r.found = append(r.found, Registration{Kind: "workflow", Name: options.Name,
		Summary: behaviors[options.VersioningBehavior]})
}

// Summarize implements activities.Summarizer.
func (r *recorder) Summarize(step, summary string) { r.summaries[step] = summary }

func (r *recorder) RegisterActivityWithOptions(_ any, options activity.RegisterOptions) {
	r.found = append(r.found, Registration{Kind: r.activity, Name: options.Name, Summary: r.summaries[options.Name]})
}

func (r *recorder) RegisterNexusService(service *nexus.Service) {
	r.found = append(r.found, Registration{Kind: "nexus service", Name: service.Name,
		Summary: r.summaries[service.Name]})
}
