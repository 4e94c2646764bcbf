package ports

import (
	"context"
	"time"
)

//go:generate go tool mockgen -source=processes.go -destination=../mocks/processes.go -package=mocks

// ProcessGone is how long after its last sign a process counts as gone.
const ProcessGone = 90 * time.Second

// DeliveryRole is the role of processes that serve delivery targets, also if they have none.
const DeliveryRole = "delivery"

// Process is a running worker process as it describes itself. Nothing in it is secret.
type Process struct {
	// ID is the process in Temporal too: the identities of its workers are the ID with the role in it,
	// pid@host/role/life.
	ID   string `json:"id"`
	Host string `json:"host"`
	// Build is the build that histories name; empty if nobody knows.
	Build string `json:"build,omitempty"`
	// StartedAt and SeenAt are by the database's clock.
	StartedAt time.Time `json:"startedAt"`
	SeenAt    time.Time `json:"seenAt"`
	ProcessSettings
}

// ProcessSettings is what a process works with. Fields are only added.
type ProcessSettings struct {
	Roles     []string `json:"roles"`
	TaskQueue string   `json:"taskQueue,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	// Issuers, Targets and Zones are those of the configuration that the process has need of by its roles.
	Issuers []ProcessIssuer `json:"issuers,omitempty"`
	Targets []ProcessTarget `json:"targets,omitempty"`
	// Zones are the DNS zones that it may write challenges into.
	Zones []string `json:"zones,omitempty"`
	// ZoneSettings are those of each zone: see Settings.
	ZoneSettings map[string]Settings `json:"zoneSettings,omitempty"`
	// Opens are the IDs of the sealing keys that it can open, and SealsWith of the one that it seals with
	// (KeyRing.IDs); empty for a process that has none.
	Opens     []string `json:"opens,omitempty"`
	SealsWith string   `json:"sealsWith,omitempty"`
}

// Settings are those of an issuer, a target or a zone that hold no secret and nothing made from one, as the
// configuration file calls them: two processes with other ones do not do the same.
type Settings map[string]string

// ProcessIssuer is a CA that a process can order from.
type ProcessIssuer struct {
	Name      string   `json:"name"`
	Directory string   `json:"directory"`
	Settings  Settings `json:"settings,omitempty"`
	// Profiles are those that the CA's directory names. Known is false until the process has read it, and when that
	// was long ago: then nobody knows them.
	Profiles []string `json:"profiles,omitempty"`
	Known    bool     `json:"known,omitempty"`
}

// ProcessTarget is a delivery target that a process serves.
type ProcessTarget struct {
	Name string `json:"name"`
	// Host is the delivery host of the process: specs name the target as name@host. Empty for none.
	Host     string   `json:"host,omitempty"`
	Settings Settings `json:"settings,omitempty"`
}

// String is the target as specs name it.
func (t ProcessTarget) String() string {
	if t.Host == "" {
		return t.Name
	}
	return t.Name + "@" + t.Host
}

// Processes is the table of running processes. Faults: Wait "DatabaseUnavailable".
type Processes interface {
	// RecordProcess stores what a process says of itself, and that it was seen now; StartedAt and SeenAt are ignored.
	// It also removes the processes that are gone. Idempotent.
	RecordProcess(ctx context.Context, process Process) error
	// RemoveProcess removes a process that stops. Idempotent.
	RemoveProcess(ctx context.Context, id string) error
	// Processes returns those that were seen within ProcessGone, in order of host and ID.
	Processes(ctx context.Context) ([]Process, error)
}
