package caller_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"everleaf/adapters/caller"
)

// A service asks for a certificate and waits until it is there.
func Example() {
	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	certificates := caller.New(c, caller.Options{TaskQueue: os.Getenv("EVERLEAF_TASK_QUEUE")})

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	status, err := certificates.Ensure(ctx, "shop", caller.Spec{Names: []string{"shop.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Phase, status.Issued.Names)
	// Output: Ready [shop.example.com]
}

// A problem says whose move is next.
func ExampleFault() {
	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	certificates := caller.New(c, caller.Options{TaskQueue: os.Getenv("EVERLEAF_TASK_QUEUE")})

	_, err = certificates.Ensure(context.Background(), "intranet", caller.Spec{Names: []string{"in_tra.example.com"}})
	var fault *caller.Fault
	switch {
	case err == nil:
		fmt.Println("in service")
	case !errors.As(err, &fault):
		fmt.Println("our own context ended; the workflow goes on")
	case fault.Kind == caller.FaultSpec:
		fmt.Println("ours to correct:", fault.Reason)
	case fault.Kind == caller.FaultName:
		fmt.Println("the domain owner's to correct:", fault.Message)
	case fault.Kind == caller.FaultOperator:
		fmt.Println("call the operator of Everleaf:", fault.Message)
	default: // CA, RateLimited, Wait
		fmt.Println("comes by itself:", fault.Message)
	}
	// Output: ours to correct: NameUnderscore
}

// A service asks, goes on with its own work, and looks at the certificate now and then.
func ExampleClient_Start() {
	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	certificates := caller.New(c, caller.Options{TaskQueue: os.Getenv("EVERLEAF_TASK_QUEUE")})

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := certificates.Start(ctx, "blog", caller.Spec{Names: []string{"blog.example.com"}}); err != nil {
		log.Fatal(err)
	}
	for status, err := range certificates.Watch(ctx, "blog", 100*time.Millisecond) {
		if err != nil {
			continue // no worker yet, or none for a moment
		}
		if status.Phase == caller.PhaseReady {
			fmt.Println("in service:", status.Issued.Names)
			break
		}
	}
	// Output: in service: [blog.example.com]
}

// A service that may crash keeps the request's identity with its own state: asked twice, the certificate is renewed
// once.
func ExampleClient_Repeat() {
	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	certificates := caller.New(c, caller.Options{TaskQueue: os.Getenv("EVERLEAF_TASK_QUEUE")})

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if _, err := certificates.Ensure(ctx, "mail", caller.Spec{Names: []string{"mail.example.com"}}); err != nil {
		log.Fatal(err)
	}
	run, err := certificates.Locate(ctx, "mail")
	if err != nil {
		log.Fatal(err)
	}
	request := caller.Request{ID: "ticket-4711", Run: run} // stored before it is sent

	first, err := certificates.Repeat(request).Renew(ctx, "mail", caller.RenewRequest{Note: "the key was in a backup"})
	if err != nil {
		log.Fatal(err)
	}
	again, err := certificates.Repeat(request).Renew(ctx, "mail", caller.RenewRequest{Note: "the key was in a backup"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("one renewal:", first.Cycle == again.Cycle)
	// Output: one renewal: true
}
