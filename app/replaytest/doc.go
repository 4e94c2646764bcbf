// Package replaytest replays recorded histories in tests, strictly: what production has written must go on replaying,
// and must go on meaning the same.
//
// The SDK's replayer compares the names and IDs of commands. This package also takes down every call that leaves the
// workflow, with its input, task queue, time-outs and priority, the lengths of timers, search attributes, answers of
// updates and what is handed to the next run. It compares them with the history's own events, and with a transcript
// that was written when the history was recorded: that covers the inputs of local activities, which no history holds.
//
// # How to change a workflow
//
// A change that replays as it is, needs nothing. A difference means that runs which are open in production would fail
// their workflow tasks, or go on with something else than what they did. Then there are two ways.
//
// Before a release, nobody has such runs: record again with `make record`, and read the difference of the transcripts
// in the commit. It is what the change does.
//
// After a release, runs that began under the old rule go on under it:
//
//   - Raise lifecycle.Version, once between two releases. A run records under which version it began, and hands on a
//     state that says so. A run of a lower version continues as new when it wakes, before it acts, so every certificate
//     follows the new rule from its next wake on.
//   - Write the rule as `if m.Machine >= 2 { new } else { old }`: Machine is the version under which the run began. In
//     the executor it is r.machine.Machine. A workflow without a machine asks GetVersion: testdata/gated has both
//     branches of such a change, a history of each, and a test that the change without the old branch fails.
//   - Before you record, move the histories of the release, with their list, into a folder of its name. They are
//     replayed there, and a recording leaves them alone:
//     for d in app/lifecycle app/nexus app/sweep; do
//     (cd $d/testdata/histories && mkdir v0.1.0 && git mv *.json SHA256SUMS v0.1.0); done
//   - A test replays all histories on the next version, by changing a rule of today's text: if it no longer finds that
//     text, give it the new one (TestReplayOnTheNextVersion).
//   - Delete the old branch and that folder when no run of the version is left, which Temporal knows:
//     temporal workflow count --query 'TemporalChangeVersion="machine-1" AND ExecutionStatus="Running"'
//
// Policy, the rest of package domain, needs none of this: its decisions are in recorded answers.
//
// # A field of the state
//
// A field that is added to lifecycle.State is omitted when it is empty, and is set in runs of the new version alone: an
// open run hands on what it always did. A state of the version before does not have it, and means the same without. One
// that must be converted is converted in lifecycle.New, for runs of the new version. A golden state with the field is
// added to domain/lifecycle/testdata/states, with the new version in it; those that were released stay as they are.
// A build that does not know the version cannot read the state, and the workflow waits for one that does.
//
// # A field of a caller's input
//
// Which fields a caller's input may have is replayed, too: one that a build does not know refuses the whole input
// (lifecycle.Read). So a field that is added to the input, or to domain.Spec in it, raises lifecycle.Version, and a
// test in domain/lifecycle compares the fields with a list for each version (TestInputFields). What package
// domain/fields finds unknown, and how it says so, is changed as a rule is. Arguments of updates are looked at before
// they are accepted, which is not replayed.
//
// # A reason
//
// Why something failed is a constant in domain/reasons*.go with a remedy in app/explain; it comes with a step's answer
// and needs no version. Why a workflow wakes is a constant in domain/wake.go; it is in the inputs of steps, so only a
// run of the new version gives a new one. One that somebody can ask for is also in lifecycle's asksFor, or the next run
// drops it.
//
// # A step
//
// Its contract is in ports/steps.go, its activity in adapters/activities/issuing or delivering, with its registration.
// In domain/lifecycle it has a constant and its place in Action.lane and Action.local, an action that one of the
// functions in lanes.go gives to runs of the new version, and a method that takes its outcome; the world of the tests
// plays it. app/lifecycle/steps.go calls it. A scenario in cmd/everleaf/e2e/record_*_test.go records it, and a patch
// in testdata/mutants shows that a replay sees it change. Until all workers know it, its task waits for one that does.
package replaytest
