package caller

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// recording is a server that keeps what it is asked.
type recording struct {
	closing
	asked []any
}

func (r *recording) UpdateWorkflow(ctx context.Context,
	update client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	r.asked = append(r.asked, update.Args...)
	return r.closing.UpdateWorkflow(ctx, update)
}

func (r *recording) NewWithStartWorkflowOperation(_ client.StartWorkflowOptions, _ any,
	args ...any) client.WithStartWorkflowOperation {
	r.asked = append(r.asked, args...)
	return nil
}

func (r *recording) UpdateWithStartWorkflow(_ context.Context,
	o client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	r.asked = append(r.asked, o.UpdateOptions.Args...)
	return answered{}, nil
}

func (r *recording) ExecuteWorkflow(_ context.Context, _ client.StartWorkflowOptions, _ any,
	args ...any) (client.WorkflowRun, error) {
	r.asked = append(r.asked, args...)
	return nil, nil
}

// Each request names who asks: what the request says, else what the client was made with, else user and host.
func TestRequestsNameTheirCaller(t *testing.T) {
	ctx, spec := t.Context(), Spec{Names: []string{"www.example.com"}}
	asks := func(c *Client) {
		require.NoError(t, c.Start(ctx, "shop", spec))
		_, err := c.Ensure(ctx, "shop", spec)
		require.NoError(t, err)
		_, err = c.Renew(ctx, "shop", RenewRequest{})
		require.NoError(t, err)
		_, err = c.Revoke(ctx, "shop", RevokeRequest{})
		require.NoError(t, err)
		_, err = c.Retire(ctx, "shop", RetireRequest{Caller: "bob"})
		require.NoError(t, err)
	}
	validated, err := spec.Validated()
	require.NoError(t, err)
	for caller, options := range map[string]Options{"deployer": {Caller: "deployer"}, Asker(): {}} {
		r := &recording{closing: closing{sent: map[string]int{"first": 1}, closesAfter: 1}}
		asks(New(r, options))
		require.Equal(t, []any{
			ports.StartInput{Spec: validated, Caller: caller}, ports.StartInput{Spec: validated, Caller: caller},
			ports.EnsureRequest{Spec: validated, Caller: caller},
			ports.RenewRequest{Caller: caller}, ports.RevokeRequest{Caller: caller}, ports.RetireRequest{Caller: "bob"},
		}, r.asked)
	}
	require.Contains(t, Asker(), "@")
}
