package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/adapters/caller"
	"everleaf/domain"
)

const (
	// rollingReplicas share one queue and one load: at least rollingLoad requests, about half of them for new
	// certificates and half renewals, rollingInFlight at once (Pebble can lock up above about 24 orders in flight).
	rollingReplicas = 3
	rollingLoad     = 60
	rollingInFlight = 15
)

// Three workers of one queue are replaced one after the other while callers wait for new and renewed certificates, and
// then one is killed. No certificate fails, no order is placed twice, every caller gets its answer; what a restart and
// a kill cost is logged beside the same load without them.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, neverReuse)
	r := &rollout{stack: s, keeper: caller.New(s.temporal, caller.Options{TaskQueue: s.queue})}
	r.split = newSplitter(t, s.http01)
	for range rollingReplicas {
		r.replicas = append(r.replicas, r.start())
	}
	r.under(nil, "first")
	t.Log(r.under(nil, "undisturbed"))

	var stops []time.Duration
	t.Log(r.under(func() {
		for i, old := range r.replicas {
			var replaced sync.WaitGroup
			replaced.Go(func() {
				began := time.Now()
				old.stop() // and its exit code is 0
				r.split.remove(old.listen)
				stops = append(stops, time.Since(began).Round(10*time.Millisecond))
			})
			fresh := r.start()
			replaced.Wait()
			r.replicas[i] = fresh
		}
	}, "rolling restart"))
	t.Logf("stops took %v", stops)
	require.Zero(t, r.split.cut.Load(), "requests of the CA that a stopping replica left unanswered")
	placed := func() int { return strings.Count(s.ca.Log(), "Added order") }
	require.Equal(t, r.asked, placed(), "orders at the CA")
	t.Log(r.under(func() {
		r.replicas[0].kill()
		r.split.remove(r.replicas[0].listen)
		r.replicas[0] = r.start()
	}, "kill -9 of one"))

	t.Logf("requests of the CA that the kill left unanswered: %d", r.split.cut.Load())
	for _, one := range r.replicas {
		one.stop()
	}
	require.Equal(t, r.asked, s.scalar(`SELECT count(*) FROM versions`), "certificates asked for, and issued")
	require.Equal(t, r.asked, s.scalar(`SELECT count(*) FROM orders`), "orders in Postgres")
	// A kill between newOrder's answer and storing it costs an order; Let's Encrypt would answer with the same one.
	require.InDelta(t, r.asked, placed(), rollingInFlight)
	t.Logf("orders lost to the kill: %d", placed()-r.asked)
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM http_tokens`))
}

// rollout is a set of replicas behind one address for the CA.
type rollout struct {
	*stack
	keeper   *caller.Client
	split    *splitter
	replicas []replica
	rounds   int // of load so far
	asked    int // certificates so far
}

// replica is a worker with a challenge listener of its own.
type replica struct {
	*process
	listen string
}

func (r *rollout) start() replica {
	r.t.Helper()
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(r.t))
	one := *r.stack
	one.env = slices.Clone(r.env)
	one.http01 = listen
	one.set("EVERLEAF_HTTP01_LISTEN", listen)
	p := one.worker()
	r.split.add(listen)
	return replica{p, listen}
}

// under runs the load, and meanwhile what disturbs it, and returns a line that says what it took.
func (r *rollout) under(disturb func(), title string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var mu sync.Mutex
	var took []time.Duration
	var names []string
	var disturbing, asking sync.WaitGroup
	var calm atomic.Bool
	var next atomic.Int64
	began := time.Now()
	disturbing.Go(func() {
		defer calm.Store(true)
		if disturb != nil {
			assert.Eventually(r.t, func() bool { return next.Load() > rollingInFlight+rollingLoad/6 }, time.Minute,
				10*time.Millisecond,
				"the load to be well under way")
			disturb()
		}
	})
	for range rollingInFlight {
		asking.Go(func() {
			for i := next.Add(1) - 1; i < rollingLoad || !calm.Load(); i = next.Add(1) - 1 {
				name, asked := fmt.Sprintf("%s-%d-%d", r.name, r.rounds, i), time.Now()
				var got domain.Status
				var err error
				if r.rounds > 0 && i%2 == 1 && i < rollingLoad {
					name = fmt.Sprintf("%s-0-%d", r.name, i)
					got, err = r.keeper.Renew(ctx, name, caller.RenewRequest{Note: title})
				} else {
					got, err = r.keeper.Ensure(ctx, name, domain.Spec{Names: []string{name + ".example.test"}})
				}
				answered := time.Since(asked)
				assert.NoError(r.t, err, name)
				assert.True(r.t, got.Issued != nil && got.Failure == nil, "%s: %+v", name, got)
				mu.Lock()
				took, names = append(took, answered), append(names, name)
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	all := time.Since(began)
	disturbing.Wait()
	r.rounds, r.asked = r.rounds+1, r.asked+len(took)
	slices.Sort(took)
	return fmt.Sprintf("%-16s %5.1f issued/s   median %4.1f s   slowest %4.1f s   repeated: %s", title,
		float64(len(took))/all.Seconds(),
		took[len(took)/2].Seconds(), took[len(took)-1].Seconds(), r.repeated(names, began))
}

// repeated counts what was lost with a worker and done again, by what reported it to the server.
func (r *rollout) repeated(names []string, since time.Time) string {
	counts := map[string]int{}
	for _, name := range names {
		for _, run := range r.runs(name) {
			for _, event := range run.Events {
				if event.GetEventTime().AsTime().Before(since) {
					continue
				}
				switch event.GetEventType() {
				case enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
					counts["workflow task "+event.GetWorkflowTaskTimedOutEventAttributes().GetTimeoutType().String()]++
				case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
					if last := event.GetActivityTaskStartedEventAttributes().GetLastFailure(); last != nil {
						why := last.GetMessage()
						if timeout := last.GetTimeoutFailureInfo(); timeout != nil {
							why = timeout.GetTimeoutType().String()
						}
						counts["step: "+why]++
					}
				}
			}
		}
	}
	return fmt.Sprint(counts)
}
