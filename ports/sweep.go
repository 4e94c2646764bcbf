package ports

import (
	"context"
	"time"
)

//go:generate go tool mockgen -source=sweep.go -destination=../mocks/sweep.go -package=mocks

// The fleet's own workflow, which a Temporal Schedule starts. The names are in recorded histories and are never
// changed.
const (
	// SweepWorkflow is the workflow type.
	SweepWorkflow = "Sweep"
	// sweepPrefix begins the ID of the schedule and of its workflows.
	sweepPrefix = "everleaf-sweep/"
)

// SweepID is the ID of the schedule, and the beginning of its workflows' IDs, for workflows on the queue base.
func SweepID(base string) string { return sweepPrefix + base }

// SweepState is the input of a SweepWorkflow and what its runs hand on. Fields are only ever added.
type SweepState struct {
	// Renewals is how far the look at renewals is.
	Renewals PageState `json:"renewals,omitzero"`
	// Hosts are those whose deliveries are checked at, with how far that is.
	Hosts []SweepHost `json:"hosts,omitempty"`
	// Secrets is how far the sealing of old secrets with the new key is.
	Secrets PageState `json:"secrets,omitzero"`
	// Records is how far the removal of forgotten DNS records is; nil where there are none.
	Records *PageState `json:"records,omitempty"`
	// Begun reports whether the plan was made.
	Begun bool `json:"begun,omitempty"`
	// Result is what was found so far.
	Result SweepResult `json:"result,omitzero"`
}

// SweepHost is how far the look at one host's deliveries is.
type SweepHost struct {
	Host  string      `json:"host"`
	After DeliveredTo `json:"after,omitzero"`
	Done  bool        `json:"done,omitempty"`
}

// SweepResult is a sweep's answer: what it did, in counts. A step that is repeated after a kill is counted from the
// repetition on.
type SweepResult struct {
	// Asked counts the certificates whose CA was asked when to renew, Failed those of them for which it gave no usable
	// answer, Moved those that were woken.
	Asked  int `json:"asked,omitempty"`
	Failed int `json:"failed,omitempty"`
	Moved  int `json:"moved,omitempty"`
	// Checked counts the deliveries that were checked, Drifted those that have drifted.
	Checked int `json:"checked,omitempty"`
	Drifted int `json:"drifted,omitempty"`
	// Resealed counts the secrets that were sealed again, Unsealable those that no known key opens.
	Resealed   int `json:"resealed,omitempty"`
	Unsealable int `json:"unsealable,omitempty"`
	// Cleaned counts the orders whose DNS records were removed.
	Cleaned int `json:"cleaned,omitempty"`
	// Problems are the parts that ended early, and why, for people. The next sweep does what they left.
	Problems []string `json:"problems,omitempty"`
}

// PageState is how far a walk through pages is.
type PageState struct {
	After string `json:"after,omitempty"`
	Done  bool   `json:"done,omitempty"`
}

// The steps of a sweep. Each works on as much as it can in a few minutes and says where to go on. Idempotency key: the
// page; what was done already is found done.
var (
	// BeginSweep counts what there is to do, so that an idle sweep costs no more.
	BeginSweep = Step[BeginSweepInput, BeginSweepOutput]{Name: "BeginSweep", Summary: "count what is due"}
	// SweepRenewals asks CAs when to renew what is due to be asked about, stores the answers and wakes the certificates
	// whose instant moved.
	SweepRenewals = Step[SweepRenewalsInput, SweepRenewalsOutput]{Name: "SweepRenewals",
		Summary: "ask CAs when to renew, wake what moved"}
	// SweepDeliveries looks whether targets still have what was delivered, and has what is not delivered again.
	SweepDeliveries = Step[SweepDeliveriesInput, SweepDeliveriesOutput]{Name: "SweepDeliveries",
		Summary: "look at targets, wake what drifted"}
	// ResealSecrets seals with the current key what an earlier one sealed.
	ResealSecrets = Step[ResealSecretsInput, ResealSecretsOutput]{Name: "ResealSecrets",
		Summary: "seal old secrets with the new key"}
	// SweepRecords removes the DNS records of orders that nobody works on any more: a killed worker left them.
	SweepRecords = Step[SweepRecordsInput, SweepRecordsOutput]{Name: "SweepRecords",
		Summary: "remove DNS records that a kill left"}
)

// BeginSweepInput is empty.
type BeginSweepInput struct{}

// BeginSweepOutput says what there is to do.
type BeginSweepOutput struct {
	// Renewals counts the certificates whose CA is to be asked, or whose workflow is to be notified of a plan that was
	// moved.
	Renewals int `json:"renewals,omitempty"`
	// Hosts have deliveries to look at; the empty one stands for targets that every delivery worker reaches.
	Hosts []string `json:"hosts,omitempty"`
	// Secrets counts those that an earlier sealing key sealed.
	Secrets int `json:"secrets,omitempty"`
	// Records counts the orders that nobody works on and that have DNS records.
	Records int `json:"records,omitempty"`
}

// SweepRenewalsInput says where to go on.
type SweepRenewalsInput struct {
	After string `json:"after,omitempty"`
}

// SweepRenewalsOutput says how far it went and what it found.
type SweepRenewalsOutput struct {
	Page   PageState `json:"page"`
	Asked  int       `json:"asked,omitempty"`
	Failed int       `json:"failed,omitempty"`
	Moved  int       `json:"moved,omitempty"`
}

// SweepDeliveriesInput says where to go on.
type SweepDeliveriesInput struct {
	Host  string      `json:"host,omitempty"`
	After DeliveredTo `json:"after,omitzero"`
}

// SweepDeliveriesOutput says how far it went and what it found.
type SweepDeliveriesOutput struct {
	After   DeliveredTo `json:"after,omitzero"`
	Done    bool        `json:"done,omitempty"`
	Checked int         `json:"checked,omitempty"`
	Drifted int         `json:"drifted,omitempty"`
}

// ResealSecretsInput says where to go on.
type ResealSecretsInput struct {
	After string `json:"after,omitempty"`
}

// ResealSecretsOutput says how far it went.
type ResealSecretsOutput struct {
	Page     PageState `json:"page"`
	Resealed int       `json:"resealed,omitempty"`
	// Failed counts those that no known key opens.
	Failed int `json:"failed,omitempty"`
}

// SweepRecordsInput says where to go on.
type SweepRecordsInput struct {
	After string `json:"after,omitempty"`
}

// SweepRecordsOutput says how far it went and what it found.
type SweepRecordsOutput struct {
	Page PageState `json:"page"`
	// Cleaned counts the orders whose records are gone, Failed those whose records could not be removed.
	Cleaned int `json:"cleaned,omitempty"`
	Failed  int `json:"failed,omitempty"`
}

// Backlog knows what there is for a sweep to do. Faults: Wait "DatabaseUnavailable".
type Backlog interface {
	// Backlog counts the certificates whose CA is to be asked at now or whose workflow is to be notified, and the
	// orders that left DNS records, and lists the hosts with deliveries to look at. It leaves Secrets to Resealer.
	Backlog(ctx context.Context, now time.Time) (BeginSweepOutput, error)
}
