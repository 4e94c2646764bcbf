package acmetest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

type start struct {
	cmd *exec.Cmd
	err chan error
}

// starter starts all children from one thread that lives as long as the test process: Pdeathsig fires when the thread
// that made the child ends (prctl(2)), and Go ends threads whenever it likes.
var starter = sync.OnceValue(func() chan<- start {
	starts := make(chan start)
	go func() {
		runtime.LockOSThread()
		for s := range starts {
			s.err <- s.cmd.Start()
		}
	}()
	return starts
})

func startWithParent(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s := start{cmd: cmd, err: make(chan error, 1)}
	starter() <- s
	return <-s.err
}
