package listener

import (
	"net"

	"golang.org/x/sys/unix"
)

// onlyOpened passes all packets of TCP but those that open a connection, which are the ones with SYN among their flags.
var onlyOpened = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13}, // the flags (RFC 9293 §3.1)
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x02, Jt: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff}, // pass
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},      // drop
}

// ignoreOpenings makes the kernel open no more connections to the socket; those that are being opened go on. It needs
// no privilege. A sandbox may not know it, and then an error says so.
func ignoreOpenings(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(onlyOpened)), Filter: &onlyOpened[0]})
	})
	if err != nil {
		return err
	}
	return set
}
