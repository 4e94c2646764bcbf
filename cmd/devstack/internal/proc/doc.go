// Package proc supervises: it starts child processes in their own groups and leaves none behind.
//
// Three things see to that. Group.Stop ends the children in reverse order, each with its own signal and a bound, and
// then kills what is left of its process group. On Linux the kernel signals every direct child when this process
// dies (PR_SET_PDEATHSIG). And a guard, a second process in its own session, waits for the end of a pipe that
// only this process holds: when that closes for whatever reason, SIGKILL included, it ends the groups that are still
// there, grandchildren too, and removes the temporary directories.
//
// A descendant that moves itself to another process group is not followed (Postgres's backends do so, but end with
// their postmaster).
package proc
