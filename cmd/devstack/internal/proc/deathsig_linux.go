package proc

import "syscall"

// dieWithParent has the kernel send sig to the child when this process dies (prctl(2), PR_SET_PDEATHSIG).
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) {
	attr.Pdeathsig = sig
}
