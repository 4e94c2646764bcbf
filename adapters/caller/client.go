package caller

import (
	"context"
	"os"
	"os/user"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

// Options say where the certificates' workflows are.
type Options struct {
	// TaskQueue is where Everleaf's workers poll; empty means TaskQueue.
	TaskQueue string
	// Address and Namespace name the server in messages; the client has its own. Both may be left out.
	Address   string
	Namespace string
	// Caller names who asks, for people who read a certificate's events; empty means Asker().
	Caller string
}

// Client speaks the contract to the workflows. It is safe for concurrent use and holds no state: workflows do.
type Client struct {
	temporal client.Client
	target   connection.Target
	// request is set by Repeat.
	request Request
	// caller is who asks.
	caller string
}

// New makes a client over c, which stays the caller's to close. Nobody is contacted.
func New(c client.Client, options Options) *Client {
	if options.TaskQueue == "" {
		options.TaskQueue = ports.TaskQueue
	}
	if options.Caller == "" {
		options.Caller = Asker()
	}
	return &Client{temporal: c, caller: options.Caller, target: connection.Target{
		Address: options.Address, Namespace: options.Namespace, TaskQueue: options.TaskQueue,
	}}
}

// As returns a client that asks in the name of caller.
func (c *Client) As(caller string) Certificates {
	named := *c
	named.caller = caller
	return &named
}

// Asker is who runs this process, as far as the system knows: user@host.
func Asker() string {
	name, host := "uid "+strconv.Itoa(os.Getuid()), "an unknown host"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// Start asks for a certificate and does not wait: it returns once the server has the workflow, be a worker there or
// not. A certificate that is kept already stays as it is, whatever its spec; Ensure would change it. Status and Watch
// show how it goes. Idempotent.
func (c *Client) Start(ctx context.Context, name string, spec Spec) error {
	if err := domain.ValidateCertificateName(name); err != nil {
		return err
	}
	spec, err := spec.Validated()
	if err != nil {
		return err
	}
	if err := connection.Probe(ctx, c.temporal, c.target); err != nil {
		return ended(ctx, err)
	}
	if _, err = c.temporal.ExecuteWorkflow(ctx, c.start(name, spec), ports.CertificateWorkflow,
		ports.StartInput{Spec: spec, Caller: c.caller}); err != nil {
		return ended(ctx, c.interpret(err, name))
	}
	return nil
}

// start are the options of a certificate's workflow.
func (c *Client) start(name string, spec Spec) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:        ports.WorkflowID(name),
		TaskQueue: c.target.TaskQueue,
		// The running workflow is used if there is one; one that was terminated is followed by a new one.
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            "certificate " + name,
		TypedSearchAttributes:    searchable(spec),
	}
}

// early is by how much the server, which has the caller's deadline from the call, may be ahead of the caller's own
// timer in saying that it has passed.
const early = 100 * time.Millisecond

// ended prefers the caller's own end to the error that it caused. It returns ctx's error only once ctx has ended, so
// that who looks at ctx and who looks at the error see the same. An answer that came just before the end is passed on.
func ended(ctx context.Context, err error) error {
	if domain.Unanswered(err) && over(ctx) {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// over reports whether ctx has ended, or has for the server.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < early
}
