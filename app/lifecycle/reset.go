package lifecycle

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// resetGate records where a run has noticed that it was reset. Its name is in histories.
const resetGate = "reset"

// noticeReset has the record read again if the run was reset since it was read, and reports whether it was. What the
// machine knows is then as old as the task that the run was reset to, and its next wake may be weeks away.
//
// A replay of what an earlier run has done must not notice anything. The gate tells it apart: it opens in no task that
// is in the history without it. It answers the same for ever, so each task has a gate of its own.
func (r *run) noticeReset(ctx workflow.Context) bool {
	record := r.machine.Record
	if !r.isReset || record == nil || record.ReadBy == r.id || r.machine.Stale {
		return false
	}
	gate := fmt.Sprintf("%s-%d", resetGate, workflow.GetInfo(ctx).GetCurrentHistoryLength())
	if workflow.GetVersion(ctx, gate, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return false
	}
	r.machine.Notice()
	return true
}
