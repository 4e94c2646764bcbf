//go:build !linux

package e2e

import "testing"

// watchFiles notes nothing: only Linux tells of files here.
func watchFiles(testing.TB, string, *trap) {}
