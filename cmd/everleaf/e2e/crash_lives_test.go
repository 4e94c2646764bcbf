package e2e

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/ports"
)

// life is what a worker is doing when it is killed.
type life struct {
	name string
	// sample is at how many points it is killed in every run of the tests.
	sample int
	// forgetful has a CA that makes a new order for each request; else it hands a pending order out again, as Boulder
	// does.
	forgetful bool
	// points picks from what a life without a kill has shown; nil is all.
	points func([]exchange) []point
	// before is done before the exchanges are counted; nil is nothing.
	before func(*lane) (crashStatus, error)
	// act ends when it has come to what the caller asked for.
	act func(*lane) (crashStatus, error)
	// left is what there must be at its end: tokens and deliveries in all, all else more than before. A forgetful CA
	// may have one order more.
	left remains
}

var one = remains{orders: 1, certificates: 1, stored: 1, versions: 1}

var lives = []life{
	{name: "issuance", sample: 2, act: issue, left: one},
	{name: "renewal", sample: 2, before: issue, act: renew, left: one},
	{name: "delivery", sample: 1, before: issue, act: issueDelivered, left: remains{delivered: 1}},
	{
		name: "redelivery", points: afterCA, before: issueDelivered, act: renewDelivered,
		left: remains{orders: 1, certificates: 1, stored: 1, versions: 1, delivered: 1},
	},
	{name: "revocation", before: issue, act: revoke, left: remains{revoked: 1}},
	{name: "removal", before: issueDelivered, act: retire, left: remains{}},
	{name: "forgetful CA", sample: 1, forgetful: true, points: aroundNewOrder, act: issue, left: one},
}

func issue(l *lane) (crashStatus, error) { return l.issue() }

func issueDelivered(l *lane) (crashStatus, error) { return l.delivered(l.issue("files")) }

func renew(l *lane) (crashStatus, error) { return ready(l.update(ports.RenewUpdate, `{}`)) }

func renewDelivered(l *lane) (crashStatus, error) { return l.delivered(renew(l)) }

func revoke(l *lane) (s crashStatus, err error) {
	_, err = l.update(ports.RevokeUpdate, `{"reason": "superseded", "withoutReplacement": true}`)
	return s, err
}

func retire(l *lane) (s crashStatus, err error) {
	_, err = l.update(ports.RetireUpdate, `{"removeDeliveries": true}`)
	return s, err
}

// aroundNewOrder are the two points between the CA's answer to newOrder and its storage.
func aroundNewOrder(seen []exchange) []point {
	i := slices.IndexFunc(seen, func(e exchange) bool { return strings.HasSuffix(e.what, pathNewOrder) })
	return []point{{seen[i], sideAfter}, {seen[i+1], sideBefore}}
}

// afterCA are the points of what follows the last request to the CA: the others are a renewal's.
func afterCA(seen []exchange) []point {
	for i := len(seen) - 1; ; i-- {
		if strings.HasPrefix(seen[i].what, requestPrefix) {
			return pointsOf(seen[i+1:])
		}
	}
}

// crashResult is what came out of one life.
type crashResult struct {
	life string
	at   *point
	seen []exchange
	// left is as life.left has it; files lie in the directory that is delivered to.
	left  remains
	files []string
	wrong []string
	took  time.Duration
	// reused reports whether the CA validated nothing, so that a point on the way was not there.
	reused bool
}

// live leads one life in its own lane, with a kill at the point; nil is none.
func (c *crashes) live(t *testing.T, name string, life life, at *point) crashResult {
	l := newLane(t, c.stack, c.real(life.forgetful), name, c.known())
	if at == nil {
		l.eventually("the worker to be quiet", func() bool {
			idle, ok := l.trap.learn(time.Second)
			c.learn(idle)
			return ok
		})
	}
	if life.before != nil {
		_, err := life.before(l)
		require.NoError(t, err, "%s", l.log)
		l.settled()
	}
	was, began := l.remains(), time.Now()
	victim := l.worker
	l.trap.arm(at, func() { _ = victim.cmd.Process.Kill(); <-victim.done })
	var status crashStatus
	var err error
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		status, err = life.act(l)
	}()
	if at != nil {
		l.outlive(answered)
	}
	<-answered
	l.settled()
	r := crashResult{life: life.name, at: at, seen: l.trap.disarm(), files: tree(t, l.files), took: time.Since(began)}
	is := l.remains()
	r.left = remains{
		is.orders - was.orders, is.certificates - was.certificates, is.revoked - was.revoked,
		is.stored - was.stored, is.versions - was.versions, is.tokens, is.delivered,
	}
	// Pebble uses one authorization in a hundred again, whatever its settings say: then there is nothing to kill it at.
	if r.reused = at != nil && !l.trap.hasSprung() && validates(c.dry[life.name].seen) && !validates(r.seen); r.reused {
		l.quit()
		return r
	}
	r.wrong = l.wrong(life, r, status, err)
	if dry, ok := c.dry[life.name]; ok && !slices.Equal(r.files, dry.files) {
		r.wrong = append(r.wrong, fmt.Sprintf("files are %q, and without a kill %q", r.files, dry.files))
	}
	if len(r.wrong) > 0 {
		t.Errorf("%s\nexchanges: %v\nlog of the workers:\n%s", strings.Join(r.wrong, "\n"), r.seen, l.log)
	}
	l.quit()
	return r
}

// validates reports whether the CA was asked to validate a name.
func validates(seen []exchange) bool {
	return slices.ContainsFunc(seen, func(e exchange) bool { return strings.Contains(e.what, pathChallenge) })
}

// outlive waits for the kill, which may come after the caller was answered, and starts the next worker.
func (l *lane) outlive(answered <-chan struct{}) {
	l.t.Helper()
	select {
	case <-l.trap.sprung:
	case <-answered:
		l.eventually("the kill, or the workflow to sleep", func() bool { return l.trap.hasSprung() || l.asleep() })
	}
	if l.trap.hasSprung() {
		l.start()
	}
}

// wrong is what must not be at the end of a life.
func (l *lane) wrong(life life, r crashResult, status crashStatus, err error) (wrong []string) {
	if err != nil {
		wrong = append(wrong, "answer: "+err.Error())
	}
	if r.at != nil && !l.trap.hasSprung() {
		wrong = append(wrong, "the point was not reached")
	}
	got := r.left
	if life.forgetful && r.at != nil && got.orders == life.left.orders+1 {
		got.orders--
	}
	if got != life.left {
		wrong = append(wrong, fmt.Sprintf("want %+v, got %+v", life.left, r.left))
	}
	if files := tree(l.t, l.temporary); len(files) > 0 {
		wrong = append(wrong, fmt.Sprintf("temporary files are left: %q", files))
	}
	if life.left.delivered == 0 || status.Issued == nil {
		return wrong
	}
	for chain, key := range map[string]string{"tls.crt": "tls.key", "tls.pem": "tls.pem"} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(l.files, chain), filepath.Join(l.files, key))
		if err != nil {
			wrong = append(wrong, err.Error())
		} else if serial := hex.EncodeToString(pair.Leaf.SerialNumber.Bytes()); serial != status.Issued.Serial {
			wrong = append(wrong, fmt.Sprintf("%s has serial %s, not %s", chain, serial, status.Issued.Serial))
		}
	}
	return wrong
}
