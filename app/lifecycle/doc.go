// Package lifecycle orchestrates one certificate's life: the Certificate workflow, one execution per certificate,
// for ever.
//
// It decides nothing by itself (package domain does) and touches nothing by itself (the steps of package ports do).
// What it adds is order, durability and patience. All of its state is one domain.Certificate, which each run hands
// to the next. Recorded histories must go on replaying: a change to the order of commands here needs a version
// gate (workflow.GetVersion) in a file of its own and a recorded history for both branches.
package lifecycle
