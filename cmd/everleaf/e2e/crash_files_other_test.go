//go:build !linux

package e2e

import "testing"

// watchFiles notes nothing: only Linux reports files here.
func watchFiles(testing.TB, string, *trap) {}
