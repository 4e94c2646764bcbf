package e2e

import (
	"bytes"
	order "encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// changes are those that are noted.
var changes = map[uint32]string{unix.IN_CREATE: "make", unix.IN_MOVED_TO: "move to", unix.IN_DELETE: "delete"}

// watchFiles has the trap note each change in a directory. The kernel reports a change after it has happened: the
// worker may be a few instructions further when it is killed.
func watchFiles(t testing.TB, dir string, trap *trap) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	require.NoError(t, err)
	events := os.NewFile(uintptr(fd), "inotify")
	t.Cleanup(func() { _ = events.Close() })
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE)
	require.NoError(t, err)
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := events.Read(buffer)
			if err != nil {
				return
			}
			for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
				mask, length := order.NativeEndian.Uint32(rest[4:]), order.NativeEndian.Uint32(rest[12:])
				end := unix.SizeofInotifyEvent + int(length)
				name := string(bytes.TrimRight(rest[unix.SizeofInotifyEvent:end], "\x00"))
				rest = rest[end:]
				if verb := changes[mask&^unix.IN_ISDIR]; verb != "" { // else the watch has ended
					trap.changed("file: " + verb + " " + common(name))
				}
			}
		}
	}()
}
