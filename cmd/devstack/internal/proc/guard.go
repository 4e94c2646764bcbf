package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// killAfter is how long the guard waits between asking the groups to end and killing them.
const killAfter = 5 * time.Second

// Guard reads what a Group sends it until the pipe ends; then it ends the groups that are not gone and removes the
// directories. It is the body of the guard process.
func Guard(from io.Reader) {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	groups := map[int]syscall.Signal{}
	var dirs []string
	var mark string
	for lines := bufio.NewScanner(from); lines.Scan(); {
		line := lines.Text()
		var pgid, sig int
		if n, _ := fmt.Sscanf(line, "group %d %d", &pgid, &sig); n == 2 {
			groups[pgid] = syscall.Signal(sig)
		} else if n, _ := fmt.Sscanf(line, "gone %d", &pgid); n == 1 {
			delete(groups, pgid)
		} else if dir, ok := strings.CutPrefix(line, "dir "); ok {
			dirs = append(dirs, dir)
		} else if found, ok := strings.CutPrefix(line, "mark "); ok {
			mark = found
		}
	}
	pgids := make([]int, 0, len(groups))
	for pgid, sig := range groups {
		pgids = append(pgids, pgid)
		killGroup(pgid, sig)
		killGroup(pgid, syscall.SIGCONT)
	}
	awaitGone(pgids, killAfter)
	for _, pgid := range pgids {
		killGroup(pgid, syscall.SIGKILL)
	}
	awaitGone(pgids, time.Second)
	killMarked(mark)
	for _, dir := range dirs {
		_ = os.RemoveAll(dir)
	}
}
