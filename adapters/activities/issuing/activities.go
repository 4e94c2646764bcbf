// Package issuing holds the steps that obtain and revoke certificates, and the short ones that record what workflows
// do.
package issuing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/ports"
)

// Params are the ports that the steps call.
type Params struct {
	Orders       ports.Orders
	Certificates ports.Certificates
	Deliveries   ports.Deliveries
	Validations  ports.Validations
	Issuers      ports.Issuers
	Solvers      []ports.Solver
	Keys         ports.Keys
	Clock        ports.Clock
	Rand         ports.Rand
	Observer     ports.Observer
	Processes    ports.Processes
}

// Activities holds the steps. Between calls it knows only what it could not store.
type Activities struct {
	Params
	solvers map[domain.ChallengeType]ports.Solver
	pace    pace
	// unstored are orders that the CA has placed and Postgres does not have yet, by our ID.
	unstored sync.Map
}

// New makes the steps.
func New(p Params) *Activities {
	a := &Activities{Params: p, solvers: map[domain.ChallengeType]ports.Solver{}, pace: defaultPace}
	for _, s := range p.Solvers {
		a.solvers[s.Type()] = s
	}
	return a
}

// RegisterShort registers the steps that touch Postgres alone. Workflows run them in their own workflow tasks, and on
// the authorization queue where Postgres is slow.
func RegisterShort(r worker.ActivityRegistry, a *Activities) {
	activities.Register(r, ports.ReserveOrder, a.ReserveOrder)
	activities.Register(r, ports.RecordRequest, a.RecordRequest)
	activities.Register(r, ports.RecordFailure, a.RecordFailure)
	activities.Register(r, ports.RecordReleased, a.RecordReleased)
}

// RegisterLong registers the steps that work with a CA, on the authorization queue.
func RegisterLong(r worker.ActivityRegistry, a *Activities) {
	activities.Register(r, ports.ObtainCertificate, a.ObtainCertificate)
	activities.Register(r, ports.RevokeCertificate, a.RevokeCertificate)
}

// pace holds the pauses and limits of a step.
type pace struct {
	heartbeat time.Duration
	// place is how long a step waits in place for one thing: a longer wait is none that holds a worker's slot.
	place time.Duration
	// first is the pause between the acceptance of a challenge and the first poll of the CA: a poll that comes too
	// early costs the Retry-After of its answer.
	first time.Duration
	// check is the first pause between checks of a challenge from our side, poll that between polls of the CA where it
	// names none; each doubles, up to pauseMax. askedMax bounds what the CA names, parkMin the wait out of place.
	check, poll, pauseMax, askedMax, parkMin time.Duration
	// closed is how long a challenge is looked for where all connections are refused.
	closed time.Duration
	// stageLimit is how long a CA may work on authorizations, or on an order, before the attempt counts as failed.
	stageLimit time.Duration
	// silence is how long a CA may answer nothing before the attempt counts as failed; silenceMin and silenceMax bound
	// the wait out of place meanwhile.
	silence, silenceMin, silenceMax time.Duration
	// cleanUp bounds the removal of challenges after the step's own context ended.
	cleanUp time.Duration
	// advice bounds the question when to renew.
	advice time.Duration
}

var defaultPace = pace{
	heartbeat: activities.Heartbeat, place: 10 * time.Second, first: 100 * time.Millisecond, check: time.Second,
	poll:     500 * time.Millisecond,
	pauseMax: 30 * time.Second, askedMax: time.Hour, parkMin: time.Second, closed: 20 * time.Second,
	stageLimit: time.Hour,
	silence:    10 * time.Minute, silenceMin: 20 * time.Second, silenceMax: 2 * time.Minute, cleanUp: 10 * time.Second,
	advice: 5 * time.Second,
}

// read is the stored record of a certificate.
func (a *Activities) read(ctx context.Context, certificate string) (domain.Record, error) {
	record, err := a.Certificates.Record(ctx, certificate)
	if err != nil {
		return domain.Record{}, fmt.Errorf("read record: %w", err)
	}
	return readBy(ctx, record), nil
}

// readBy notes in a record which run it was read for.
func readBy(ctx context.Context, record domain.Record) domain.Record {
	record.ReadBy = activity.GetInfo(ctx).WorkflowExecution.RunID
	return record
}
