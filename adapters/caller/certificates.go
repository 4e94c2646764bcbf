package caller

import (
	"context"
	"iter"
	"reflect"
	"time"

	"everleaf/ports"
)

//go:generate go tool mockgen -source=certificates.go -destination=callertest/mock.go -package=callertest

var _ Certificates = (*Client)(nil)

// Certificates is all that a Client offers, for a service to depend on. For the service's tests, package callertest has
// a fake of it, which behaves as a worker does, and a gomock mock.
type Certificates interface {
	ports.Editor
	ports.Onlooker
	ports.QueueChecker
	// As returns one that asks in the name of asker: see Client.As.
	As(asker string) Certificates
	// Start asks for a certificate and does not wait: see Client.Start.
	Start(ctx context.Context, name string, spec Spec) error
	// Watch yields a certificate's status whenever it has changed: see Client.Watch.
	Watch(ctx context.Context, name string, every time.Duration) Statuses
	// Locate finds the run that a request made now would be for: see Client.Locate.
	Locate(ctx context.Context, name string) (run string, err error)
	// Repeat returns one that makes the one request, however often it is called: see Client.Repeat.
	Repeat(request Request) Certificates
}

// Statuses are what Watch yields.
type Statuses = iter.Seq2[Status, error]

// Watch is Client.Watch with any way to look.
func Watch(ctx context.Context, every time.Duration, look func(context.Context) (Status, error)) Statuses {
	return func(yield func(Status, error) bool) {
		var last Status
		var said string
		for first := true; ; first = false {
			now, err := look(ctx)
			if ctx.Err() != nil {
				return
			}
			message := ""
			if err != nil {
				message = err.Error()
			}
			if first || message != said || err == nil && !reflect.DeepEqual(now, last) {
				if !yield(now, err) {
					return
				}
				last, said = now, message
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
		}
	}
}
