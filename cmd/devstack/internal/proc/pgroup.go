package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func killGroup(pgid int, sig syscall.Signal) { _ = syscall.Kill(-pgid, sig) }

// awaitGone waits until no process of the groups is left, or for within.
func awaitGone(pgids []int, within time.Duration) {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		left := false
		for _, pgid := range pgids {
			left = left || groupAlive(pgid)
		}
		if !left {
			return
		}
	}
}

// groupAlive reports whether the process group has a member that is not a zombie: an orphan stays one until init reaps
// it, which some containers' init never does. Where there is no /proc, zombies count.
func groupAlive(pgid int) bool {
	if syscall.Kill(-pgid, 0) == syscall.ESRCH {
		return false
	}
	procs, err := os.ReadDir("/proc")
	if err != nil || len(procs) == 0 {
		return true
	}
	for _, p := range procs {
		if pgrp, state, ok := stat(p.Name()); ok && pgrp == pgid && state != 'Z' {
			return true
		}
	}
	return false
}

// killMarked kills every process with mark in its environment, until none is left (proc_pid_environ(5)).
func killMarked(mark string) {
	for found := mark != ""; found; {
		found = false
		procs, _ := os.ReadDir("/proc")
		for _, p := range procs {
			pid, err := strconv.Atoi(p.Name())
			if err != nil {
				continue
			}
			environ, _ := os.ReadFile("/proc/" + p.Name() + "/environ") // empty once it is a zombie
			if bytes.Contains(environ, []byte(mark+"\x00")) && syscall.Kill(pid, syscall.SIGKILL) == nil {
				found = true
			}
		}
	}
}

// stat reads a process's group and state (proc_pid_stat(5)); the command before them may hold spaces and brackets.
func stat(pid string) (pgrp int, state byte, ok bool) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, 0, false
	}
	rest := string(b[strings.LastIndexByte(string(b), ')')+1:])
	var ppid int
	n, _ := fmt.Sscanf(rest, " %c %d %d", &state, &ppid, &pgrp)
	return pgrp, state, n == 3
}
