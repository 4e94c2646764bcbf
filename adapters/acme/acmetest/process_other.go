//go:build !linux

package acmetest

import "os/exec"

// startWithParent starts the child; where there is no Pdeathsig, only t.Cleanup ends it.
func startWithParent(cmd *exec.Cmd) error { return cmd.Start() }
