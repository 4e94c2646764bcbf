package lifecycle

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/replaytest"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// corpus is where the recorded histories of this package's workflow are.
const corpus = "testdata/histories"

// TestReplay needs no server.
func TestReplay(t *testing.T) {
	t.Parallel()
	replaytest.Run(t, corpus, Register)
}

// A build of the next version, in which a rule has changed that asks under which version its run began, does again what
// the runs of today's have done, to the last octet of the state that they handed on. Only then it hands over.
func TestReplayOnTheNextVersion(t *testing.T) {
	t.Parallel()
	const rules, number, rule = "../../domain/lifecycle/", "const Version = %d\n", "m.Obtained >= cycles"
	next := lifecycle.Version + 1
	overlay := replaytest.Overlay(t, map[string][2]string{
		rules + "state.go":  {fmt.Sprintf(number, lifecycle.Version), fmt.Sprintf(number, next)},
		rules + "action.go": {rule, fmt.Sprintf("%s || m.Machine >= %d && m.Obtained >= cycles-1", rule, next)},
	})
	replay := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-run=^TestReplay$", "-overlay", overlay, ".")
	out, err := replay.CombinedOutput()
	require.NoError(t, err, "%s", out[max(0, bytes.LastIndex(out, []byte("corpus.go"))):])
}

// TestReplayCatchesABrokenWorkflow is why to trust TestReplay.
func TestReplayCatchesABrokenWorkflow(t *testing.T) {
	t.Parallel()
	replaytest.Fails(t, corpus, "TMPRL1100" /* Temporal's code for non-determinism */, func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(sleepsFirst, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
	})
}

func sleepsFirst(ctx workflow.Context, input converter.RawValue) error {
	if err := workflow.Sleep(ctx, 1); err != nil {
		return err
	}
	return Certificate(ctx, input)
}
