// Package servertest says where the servers and programs are that tests need. `devstack exec`, which `make test` uses,
// starts or finds them and sets the variables EVERLEAF_TEST_*.
package servertest

import (
	"os"
	"testing"
)

// NotSet is what to do about a variable without a value, to follow its name.
const NotSet = " is not set: run `make test`, which starts the servers"

// Setting is the value of a variable. Without one the test fails at once: it must neither wait for a server that nobody
// started nor meet another one at a default address.
func Setting(t testing.TB, variable string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatal(variable + NotSet)
	}
	return value
}
