package temporal

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
)

const (
	// pollLimit is when a poll that has not come back is stuck: the SDK's own deadline is 70 s.
	pollLimit = 3 * time.Minute
	// pollSilence is how long after a refusal the next one comes at the latest, if polls are still refused: the SDK
	// asks again within 10 s. After more silence than that, the server lets a poll wait for work, so it accepts it.
	pollSilence = 20 * time.Second
)

// Polls watches how the server answers the polls of this process's workers. The SDK repeats a poll that is refused for
// want of rights for ever, and the process would look alive while it does nothing; Polls reports it.
type Polls struct {
	config Config
	grace  time.Duration
	lost   func(error)
	now    func() time.Time

	mu     sync.Mutex
	flying map[*poll]struct{}
	// first and last are the bounds of a row of refusals with no acceptance in between; zero when there is none.
	first, last time.Time
	cause       error
	reported    bool
}

// poll is one call under way.
type poll struct{ begun time.Time }

// NewPolls makes a watch that calls lost, once, when polls were refused for grace and not one was accepted in that
// time: with an Operator fault "TemporalRefused", which names what to check. A shorter refusal (a server that restarts,
// a token that is being replaced) passes. lost MUST NOT block.
func NewPolls(config Config, grace time.Duration, lost func(error)) *Polls {
	return &Polls{config: config, grace: grace, lost: lost, now: time.Now, flying: map[*poll]struct{}{}}
}

// Watch returns the options with the watch in them; the client made from them is watched.
func (p *Polls) Watch(options client.Options) client.Options {
	dial := options.ConnectionOptions.DialOptions
	options.ConnectionOptions.DialOptions = append(dial[:len(dial):len(dial)],
		grpc.WithChainUnaryInterceptor(p.intercept))
	return options
}

// Refused is the fault while polls are refused, from the first refusal on, and nil while they are not.
func (p *Polls) Refused() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first.IsZero() || p.now().Sub(p.last) > pollSilence {
		return nil
	}
	return p.fault()
}

// Stuck is an Operator fault "PollStuck" when a poll has long passed the SDK's own deadline: the process itself hangs.
func (p *Polls) Stuck() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for poll := range p.flying {
		if took := p.now().Sub(poll.begun); took > pollLimit {
			return domain.NewFault(domain.FaultOperator, domain.ReasonPollStuck, nil,
				"a poll has not come back for %s, which the SDK should have ended after 70 s: restart the process",
				took.Round(time.Second))
		}
	}
	return nil
}

func (p *Polls) intercept(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	switch method {
	case workflowservice.WorkflowService_PollWorkflowTaskQueue_FullMethodName,
		workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName,
		workflowservice.WorkflowService_PollNexusTaskQueue_FullMethodName:
	default:
		return invoke(ctx, method, request, reply, conn, options...)
	}
	poll := p.begin()
	err := invoke(ctx, method, request, reply, conn, options...)
	if fault := p.end(poll, err); fault != nil {
		p.lost(fault)
	}
	return err
}

func (p *Polls) begin() *poll {
	p.mu.Lock()
	defer p.mu.Unlock()
	poll := &poll{begun: p.now()}
	p.flying[poll] = struct{}{}
	return poll
}

// end returns the fault when this refusal is the one that fills the measure.
func (p *Polls) end(ended *poll, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.flying, ended)
	switch now := p.now(); {
	case err == nil && !ended.begun.Before(p.first): // a poll from before the refusals says nothing
		p.first = time.Time{}
	case !denies(err): // a server that is away neither accepts nor refuses
	case p.first.IsZero() || now.Sub(p.last) > pollSilence || p.accepted(now):
		p.first, p.last, p.cause = now, now, err
	default:
		p.last, p.cause = now, err
		if now.Sub(p.first) >= p.grace && !p.reported {
			p.reported = true
			return p.fault()
		}
	}
	return nil
}

// accepted reports whether a poll from after the first refusal waits for work: refusals come at once, so one that waits
// is accepted, though it may be a minute until it says so.
func (p *Polls) accepted(now time.Time) bool {
	for poll := range p.flying {
		if !poll.begun.Before(p.first) && now.Sub(poll.begun) >= p.grace/2 {
			return true
		}
	}
	return false
}

func (p *Polls) fault() error {
	if handshake(p.cause) {
		return domain.NewFault(domain.FaultOperator, domain.ReasonTemporalRefused, p.cause,
			"Temporal at %s refuses the TLS handshake: is the client certificate of TEMPORAL_TLS_CLIENT_CERT_PATH still "+
				"valid there?",
			p.config.Client.HostPort)
	}
	return connection.Refused(p.config.Target(), p.cause)
}

// denies reports whether the server, or a proxy before it, answered that this client may not.
func denies(err error) bool {
	code := status.Code(err)
	return err != nil && (code == codes.PermissionDenied || code == codes.Unauthenticated || handshake(err))
}

// handshake reports whether the other side refuses the client certificate. gRPC keeps no type of it: the alert is text.
// The certificate is read once, at start, so that only a new process takes up a renewed one.
func handshake(err error) bool {
	return status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "remote error: tls:")
}

// PollFault says why polling ended for good, for the error that a worker's onFatal gets. Faults, all the operator's:
// "UnknownNamespace" and "WorkerFailed".
func PollFault(err error, config Config) error {
	var namespace *serviceerror.NamespaceNotFound
	if errors.As(err, &namespace) {
		return connection.UnknownNamespace(config.Target(), err)
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonWorkerFailed, err,
		"Temporal at %s ends the worker's polls for good",
		config.Client.HostPort)
}
