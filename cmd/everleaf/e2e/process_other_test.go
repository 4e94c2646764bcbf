//go:build !linux

package e2e

import "syscall"

// dieWithParent has no counterpart here: a killed test process leaves its children.
func dieWithParent() *syscall.SysProcAttr { return nil }
