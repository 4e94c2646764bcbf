package e2e

import (
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// starter owns an operating system thread for as long as the tests run: Pdeathsig is bound to the starting thread.
var starter = func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
}()

func start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	result := make(chan error)
	starter <- func() { result <- cmd.Start() }
	require.NoError(t, <-result)
}

func runLocked(cmd *exec.Cmd) error {
	result := make(chan error)
	starter <- func() { result <- cmd.Start() }
	if err := <-result; err != nil {
		return err
	}
	return cmd.Wait()
}
