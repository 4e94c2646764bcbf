//go:build !linux

package listener

import (
	"errors"
	"net"
)

// ignoreOpenings is Linux's alone: elsewhere, connections that are not accepted yet when the socket is closed are
// reset.
func ignoreOpenings(*net.TCPListener) error { return errors.ErrUnsupported }
