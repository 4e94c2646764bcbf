// Command devstack starts: everything that Everleaf needs, on this machine, for as long as it runs.
package main
