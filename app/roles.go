package app

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities/delivering"
	"everleaf/adapters/activities/issuing"
	"everleaf/adapters/activities/sweeping"
	"everleaf/adapters/nexus"
	"everleaf/adapters/temporal"
	"everleaf/app/lifecycle"
	appnexus "everleaf/app/nexus"
	"everleaf/app/sweep"
	"everleaf/ports"
)

// Role is one kind of work that a worker process can do.
type Role string

const (
	// RoleWorkflows keeps the Certificate workflows going, with their short steps, and has the fleet swept.
	RoleWorkflows Role = "workflows"
	// RoleAuthorization does the steps that wait for the CA.
	RoleAuthorization Role = "authorization"
	// RoleDelivery meets delivery targets.
	RoleDelivery Role = ports.DeliveryRole
	// RoleNexus serves callers in other namespaces; what takes its time is carried by workflows of its own queue.
	RoleNexus Role = "nexus"
	// RoleResponder answers HTTP-01 challenges from Postgres; it needs nothing else.
	RoleResponder Role = "responder"
	// RolePull serves certificates and keys to those who fetch them, if an address is set; it needs Postgres and the
	// sealing key.
	RolePull Role = "pull"
)

// role is a row of the table of roles. Each with a queue is its own worker with its own slots, so that one that
// is held up by a slow downstream takes nothing from the others.
type role struct {
	name Role
	// queue is the role's task queue, for the base queue and the delivery host; nil for a role that polls none.
	queue func(base, host string) string
	// register makes known what the role runs.
	register func(worker.Registry, work)
	// workflows and activities say which tasks the role's worker polls for.
	workflows, activities bool
	// issues reports whether it runs the steps of an issuance, which need the sealing key and the CA.
	issues bool
	// delivers reports whether it runs the steps that meet targets, which need the sealing key and the targets.
	delivers bool
}

// roles is the table, in the order in which people read it. What needs no queue needs no Temporal or CA.
var roles = []role{
	{
		name: RoleWorkflows, queue: func(base, _ string) string { return base }, workflows: true, issues: true,
		register: func(r worker.Registry, w work) {
			lifecycle.Register(r)
			sweep.Register(r)
			issuing.RegisterShort(r, w.Issuing)
		},
	},
	{
		name: RoleAuthorization, queue: hostless(ports.AuthorizationTaskQueue), activities: true, issues: true,
		register: func(r worker.Registry, w work) {
			issuing.RegisterShort(r, w.Issuing) // those that Postgres did not answer in time
			issuing.RegisterLong(r, w.Issuing)
			sweeping.Register(r, w.Sweeping)
		},
	},
	{
		name: RoleDelivery, queue: ports.DeliveryTaskQueue, activities: true, delivers: true,
		register: func(r worker.Registry, w work) { delivering.Register(r, w.Delivering) },
	},
	{
		name: RoleNexus, queue: hostless(ports.NexusTaskQueue), workflows: true, activities: true,
		register: func(r worker.Registry, w work) {
			appnexus.Register(r)
			nexus.Register(r, w.Caller)
		},
	},
	{name: RoleResponder},
	{name: RolePull},
}

// hostless is a queue that is the same on every host.
func hostless(queue func(base string) string) func(base, host string) string {
	return func(base, _ string) string { return queue(base) }
}

// slots is how much the role's worker does at once.
func (r role) slots(c Slots) temporal.Slots {
	switch r.name {
	case RoleWorkflows:
		return temporal.Slots{Workflow: c.Workflow, LocalActivity: c.LocalStep}
	case RoleNexus:
		// An operation under way takes one step's slot; all else takes milliseconds.
		return temporal.Slots{Workflow: c.Nexus, LocalActivity: c.Nexus, Activity: c.Nexus, Nexus: c.Nexus}
	case RoleDelivery:
		return temporal.Slots{Activity: c.Delivery}
	default:
		return temporal.Slots{Activity: c.Authorization}
	}
}

// AllRoles lists the roles.
func AllRoles() []Role {
	var names []Role
	for _, r := range roles {
		names = append(names, r.name)
	}
	return names
}

// ParseRoles reads a comma-separated list. The result is in the table's order, each role once.
func ParseRoles(list string) ([]Role, error) {
	var chosen []Role
	for _, name := range strings.Split(list, ",") {
		role := Role(strings.TrimSpace(name))
		if !slices.Contains(AllRoles(), role) {
			return nil, fmt.Errorf("there is no role %q: choose one or more of %s, separated by commas", role,
				JoinRoles(AllRoles()))
		}
		chosen = append(chosen, role)
	}
	return slices.DeleteFunc(AllRoles(), func(r Role) bool { return !slices.Contains(chosen, r) }), nil
}

// JoinRoles is the inverse of ParseRoles.
func JoinRoles(chosen []Role) string {
	var names []string
	for _, r := range chosen {
		names = append(names, string(r))
	}
	return strings.Join(names, ",")
}

// has reports whether the process plays the role.
func (c Config) has(name Role) bool { return slices.Contains(c.Roles, name) }

// issuing are the rows of the table that run the steps of an issuance in this process.
func (c Config) issuing() []role {
	return slices.DeleteFunc(c.polling(), func(r role) bool { return !r.issues })
}

// pulls reports whether clients can fetch from this process: the role alone, which is on by default, serves nobody.
func (c Config) pulls() bool { return c.has(RolePull) && c.Pull.Listen != "" }

// sealing are the rows of the table whose steps open or seal private keys in this process.
func (c Config) sealing() []role {
	return slices.DeleteFunc(c.polling(), func(r role) bool { return !r.issues && !r.delivers })
}

// seals reports whether the process has the sealing keys.
func (c Config) seals() bool { return len(c.sealing()) > 0 || c.pulls() }

// polling are the rows of the table that poll a task queue in this process.
func (c Config) polling() []role {
	return slices.DeleteFunc(slices.Clone(roles), func(r role) bool { return r.queue == nil || !c.has(r.name) })
}
