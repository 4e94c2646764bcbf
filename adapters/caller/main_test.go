package caller

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"everleaf/adapters/servertest"
	"everleaf/adapters/temporal"
	"everleaf/ports"
)

// TestMain gives the examples a Temporal to call: what the environment says, where it names a task queue (the
// end-to-end tests run the examples on the whole stack), else a namespace of their own with a stand-in for the
// certificates' workflow.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if os.Getenv("EVERLEAF_TASK_QUEUE") == "" {
			address := os.Getenv(serverVar)
			if address == "" { // an example would ask a server at the default address, if there is one
				fmt.Fprintln(os.Stderr, serverVar+servertest.NotSet)
				return 1
			}
			stop, err := serveExamples(address)
			if err != nil {
				fmt.Fprintln(os.Stderr, "no stand-in for the examples:", err)
				return 1
			}
			defer stop()
		}
		return m.Run()
	}())
}

const serverVar = "EVERLEAF_TEST_TEMPORAL"

func serveExamples(address string) (stop func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	options := client.Options{HostPort: address, Namespace: "examples-" + uuid.NewString(),
		Logger: sdklog.NewStructuredLogger(quiet())}
	config := temporal.Config{Client: options, TaskQueue: ports.TaskQueue}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, err
	}
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: options.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		return nil, err
	}
	if err := temporal.WaitReachable(ctx, c, config, quiet()); err != nil {
		return nil, err
	}
	if _, err := temporal.RegisterSearchAttributes(ctx, c, config); err != nil {
		return nil, err
	}
	w := worker.New(c, ports.TaskQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(standIn, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
	if err := w.Start(); err != nil {
		return nil, err
	}
	for key, value := range map[string]string{
		"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": options.Namespace, "EVERLEAF_TASK_QUEUE": ports.TaskQueue,
	} {
		if err := os.Setenv(key, value); err != nil {
			return nil, err
		}
	}
	return func() { w.Stop(); c.Close() }, nil
}
