package stack

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"everleaf/cmd/devstack/internal/proc"
)

// Temporal starts the dev server of the CLI at path, with the web UI if ui is set.
func (s *Stack) Temporal(ctx context.Context, path string, ui bool) error {
	begin := time.Now()
	port, err := s.ports.pick(7233)
	if err != nil {
		return err
	}
	args := []string{"server", "start-dev", "--ip", loopback, "--port", strconv.Itoa(port), "--log-level", "warn",
		// The version check would ask a server of the project's for news.
		"--dynamic-config-value", "frontend.enableServerVersionCheck=false",
		// Without it, a server of this version passes over priorities and fairness keys.
		"--dynamic-config-value", "matching.enableFairness=true"}
	if ui {
		uiPort, err := s.ports.pick(8233)
		if err != nil {
			return err
		}
		args = append(args, "--ui-port", strconv.Itoa(uiPort))
		s.WebUI = "http://" + hostPort(uiPort)
	} else {
		args = append(args, "--headless")
	}
	if s.lasting { // in memory, a server that is started again would have forgotten every workflow
		args = append(args, "--db-filename", s.path("temporal.db"))
	}
	s.ports.release()
	s.TemporalAddress, s.TemporalCLI = hostPort(port), path
	err = s.service(ctx, &part{
		spec:  proc.Spec{Name: "Temporal", Path: path, Args: args, Env: cleanEnv(), Dir: s.Dir},
		ready: s.temporalReady,
	})
	if err != nil {
		return err
	}
	s.Say("Temporal        %s (%s)", s.TemporalAddress, s.Took("Temporal", begin, time.Now()))
	if ui {
		s.Say("Temporal web UI %s", s.WebUI)
	}
	return nil
}

func (s *Stack) temporalReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: s.TemporalAddress,
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
	return err
}
