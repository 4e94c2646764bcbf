//go:build !linux

package proc

import "syscall"

// dieWithParent does nothing: only Linux can; elsewhere the guard alone ends the children.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
