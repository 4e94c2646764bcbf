package ports

// Step joins both ends of one activity: the workflow calls it and an adapter registers it through the same value,
// so that the compiler checks what ExecuteActivity does not. Name is in recorded histories and is never changed;
// In and Out only gain fields.
type Step[In, Out any] struct {
	Name string
	// Summary is what people read beside the step in Temporal's UI and CLI; it may change at any time.
	Summary string
}
