// Package activities is what the steps of all queues share: how a step is registered, how its errors are classified,
// and how it says that it is alive. The steps themselves are in the packages issuing, delivering and sweeping, one for
// each kind of queue; each has a struct with the ports that its steps call, and nothing else.
package activities
