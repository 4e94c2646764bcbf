package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var responderAddress = regexp.MustCompile(`listener started.* role=responder listen=(\S+)`)

// A stopping process is no longer ready, and answers challenges until it is gone, while its steps go on and after
// that. A request that it does not answer was refused. Five stops, each with two CAs that ask without a pause.
func TestStopAnswersChallengesToTheEnd(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	split := newSplitter(t, s.http01)
	s.set("EVERLEAF_HTTP01_LISTEN", "127.0.0.1:0") // each process its own
	s.run("--roles=workflows")
	held := newGate()
	t.Cleanup(held.open)
	s.proxy.on(&rule{path: pathChallenge, left: -1, gate: held})
	ensured := s.ensureMany(1)
	before, after := 0, 0
	for range 5 {
		p := s.run("--roles=responder,authorization", "--stop-timeout=500ms")
		listen, ops := responderAddress.FindStringSubmatch(p.log.String()),
			opsAddress.FindStringSubmatch(p.log.String())
		require.True(t, listen != nil && ops != nil, "%s", p.log)
		split.add(listen[1])
		s.eventually("the step at work", func() bool { return held.waiting.Load() == 1 })
		var token, keyAuthorization string
		require.NoError(t, s.pool.QueryRow(t.Context(),
			`SELECT token, key_authorization FROM http_tokens`).Scan(&token, &keyAuthorization))

		ask := func() error {
			return answers(t.Context(), "http://"+listen[1]+"/.well-known/acme-challenge/"+token, keyAuthorization)
		}
		require.NoError(t, ask())
		unready := make(chan struct{})
		var asking sync.WaitGroup
		var mu sync.Mutex
		for range 2 {
			asking.Go(func() {
				for {
					err := ask()
					if err != nil {
						assert.ErrorIs(t, err, syscall.ECONNREFUSED)
						return
					}
					mu.Lock()
					select {
					case <-unready:
						after++
					default:
						before++
					}
					mu.Unlock()
				}
			})
		}
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
		s.eventually("readiness to end", func() bool {
			return strings.HasPrefix(answers(t.Context(), "http://"+ops[1]+"/readyz", "").Error(), "503")
		})
		close(unready)
		mu.Lock()
		soFar := after
		mu.Unlock()
		<-p.done
		asking.Wait()
		require.Equal(t, 0, p.cmd.ProcessState.ExitCode(), "%s", p.log)
		require.Greater(t, after, soFar, "answered while it stopped")
		require.NotContains(t, p.log.String(), "shutdown timed out")
		split.remove(listen[1])
	}
	t.Logf("%d answers of ready processes, %d of stopping ones, none cut off", before, after)
	split.add(responderAddress.FindStringSubmatch(s.run("--roles=responder,authorization").log.String())[1])
	held.open()
	e := <-ensured
	require.Equal(t, 0, e.code, e.stderr)
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))
}

// answers asks once, on its own connection, and returns an error unless the answer is 200 with this body.
func answers(ctx context.Context, url, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := onePerRequest.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK || string(got) != body:
		return errors.New(response.Status + " " + string(got))
	case !response.Close:
		return errors.New("without Connection: close")
	}
	return nil
}
