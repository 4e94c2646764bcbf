package issuing

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"everleaf/ports"
)

// PlaceOrder finds the issuance's order or places it. A workflow task that runs out of time, since Postgres or the way
// to it is slow, is given to a worker again while the step's first run still waits here: both would find an order
// without a URL and tell the CA of it. So the second run waits for the first, and takes its result.
func (a *Activities) PlaceOrder(ctx context.Context, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
	// Also by spec: a request for another one must not get this one's order.
	key := fmt.Sprintf("%s %s %+v", in.Key, in.Issuer, in.Spec)
	for {
		running := a.placing.DoChan(key, func() (out any, err error) {
			defer func() {
				// singleflight would end the process with it; the SDK makes it the failure of this one step.
				if value := recover(); value != nil {
					err = &panicked{fmt.Sprintf("%v\n%s", value, debug.Stack())}
				}
			}()
			return a.placeOrder(ctx, in)
		})
		select {
		case <-ctx.Done():
			return ports.PlaceOrderOutput{}, context.Cause(ctx)
		case result := <-running:
			if p := (*panicked)(nil); errors.As(result.Err, &p) {
				panic(p.what)
			}
			ended := errors.Is(result.Err, context.Canceled) || errors.Is(result.Err, context.DeadlineExceeded)
			if result.Shared && ended && ctx.Err() == nil {
				continue // the end of the other's context is not ours
			}
			out, _ := result.Val.(ports.PlaceOrderOutput)
			return out, result.Err
		}
	}
}

// panicked carries a panic from the goroutine where it happened to those who wait.
type panicked struct{ what string }

func (p *panicked) Error() string { return p.what }
