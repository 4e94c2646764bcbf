package e2e

import "syscall"

// dieWithParent makes the kernel end the child if the test process is killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
