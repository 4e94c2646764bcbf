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
// their workflow tasks, or go on with something else than what they did. Then there are two ways:
//
//   - Before the code is released, nobody has such runs: record again with `make record`, and read the difference of the
//     transcripts in the commit: it is what the change does.
//   - After a release, keep the old branch behind a version: GetVersion answers with the version under which a run began.
//     testdata/gated has both ends of such a change and a history of each branch, with a test that the change without the
//     version fails. For the certificates' workflow the version is lifecycle.Version: raise it, and have the rule ask under
//     which version the run began. Move the histories of the release into a folder of its name, so that the recording of
//     the new branch does not replace them; they stay until no run of that release is left.
package replaytest
