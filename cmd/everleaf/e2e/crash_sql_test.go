package e2e

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// newSQLProxy stands before Postgres and carries each statement through the trap. It answers with its address.
func newSQLProxy(t testing.TB, upstream string, trap *trap) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go carrySQL(near, upstream, trap)
		}
	}()
	return listener.Addr().String()
}

// carrySQL serves one connection of a pool. A pool sends a group of messages and reads until the server is ready for
// the next, so one goroutine is enough.
func carrySQL(near net.Conn, upstream string, trap *trap) {
	defer func() { _ = near.Close() }()
	far, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	s := &sqlSession{
		near: near, far: far, prepared: map[string]string{},
		worker: pgproto3.NewBackend(near, near), server: pgproto3.NewFrontend(far, far),
	}
	if err := s.startup(); err != nil {
		return
	}
	for {
		group, what, err := s.group()
		if err != nil {
			return
		}
		var answer []byte
		forward := func() { answer, err = s.ask(group) }
		pass := func() { _, _ = near.Write(answer) }
		if what == "" { // it changes nothing: the pool prepares a statement, or looks whether the connection lives
			forward()
			pass()
		} else if !trap.carry(what, forward, pass) {
			return
		}
		if err != nil {
			return
		}
	}
}

type sqlSession struct {
	near, far net.Conn
	worker    *pgproto3.Backend
	server    *pgproto3.Frontend
	prepared  map[string]string // statements by the names that they were prepared under
}

// startup passes on who connects. The tests' server takes everybody at their word, without TLS.
func (s *sqlSession) startup() error {
	for {
		first, err := s.worker.ReceiveStartupMessage()
		if err != nil {
			return err
		}
		switch first.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := s.near.Write([]byte("N")); err != nil {
				return err
			}
			continue
		}
		hello, err := first.Encode(nil)
		if err != nil {
			return err
		}
		answer, err := s.ask(hello)
		if err != nil {
			return err
		}
		_, err = s.near.Write(answer)
		return err
	}
}

// group reads what the worker sends before it waits for an answer, and names it by its first statement; what carries
// none out has no name.
func (s *sqlSession) group() (bytes []byte, what string, err error) {
	for {
		message, err := s.worker.Receive()
		if err != nil {
			return nil, "", err
		}
		if bytes, err = message.Encode(bytes); err != nil {
			return nil, "", err
		}
		switch m := message.(type) {
		case *pgproto3.Parse:
			s.prepared[m.Name] = m.Query
		case *pgproto3.Bind:
			if what == "" {
				what = statement(s.prepared[m.PreparedStatement])
			}
		case *pgproto3.Query:
			return bytes, statement(m.String), nil
		case *pgproto3.Sync:
			return bytes, what, nil
		case *pgproto3.Terminate:
			return nil, "", errors.New("the worker hangs up")
		case *pgproto3.CopyData, *pgproto3.Flush:
			panic(fmt.Sprintf("the proxy does not know how to carry a %T", m))
		}
	}
}

// ask sends a group and reads the answer, until the server is ready for the next.
func (s *sqlSession) ask(group []byte) (answer []byte, err error) {
	if _, err := s.far.Write(group); err != nil {
		return nil, err
	}
	for {
		message, err := s.server.Receive()
		if err != nil {
			return answer, err // what came before is passed on, for example why the server hangs up
		}
		if answer, err = message.Encode(answer); err != nil {
			return nil, err
		}
		if _, ready := message.(*pgproto3.ReadyForQuery); ready {
			return answer, nil
		}
	}
}

// statementShown is how many octets of a statement name it.
const statementShown = 60

// statement is how a table shows SQL: its first words. A comment alone has none.
func statement(sql string) string {
	var words []string
	for line := range strings.Lines(sql) {
		line, _, _ = strings.Cut(line, "--")
		words = append(words, strings.Fields(line)...)
	}
	text := strings.Join(words, " ")
	if text == "" {
		return ""
	}
	if len(text) > statementShown {
		text = strings.TrimSpace(text[:statementShown])
	}
	return "SQL " + text
}
