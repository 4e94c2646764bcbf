package e2e

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
)

var crash = flag.String("crash", "", "kill a worker at every point, and write a table of what came out to this file")

// A worker is killed with SIGKILL at each statement and each CA request of an issuance, a renewal, a delivery, a
// revocation and a removal, before the server hears of it and before the worker hears the answer, and after each change
// of a file. The next worker goes on with the same order: one order at the CA, one certificate, nothing left over. A CA
// that makes a new order for each request may have one more, if the first was made and not stored: it expires. Without
// -crash, the worker is killed at a sample of the points.
func TestCrash(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady, neverReuse)
	s.run("--roles=responder")
	boulder := acmetest.NewBoulder(t, s.ca)
	c := &crashes{stack: s, boulder: boulder, idle: map[string]bool{}, dry: map[string]crashResult{}}
	led := lived()
	dry := make([]crashResult, len(led))
	t.Run("dry", func(t *testing.T) {
		for i, life := range led {
			t.Run(life.name, func(t *testing.T) {
				t.Parallel()
				dry[i] = c.live(t, fmt.Sprintf("dry-%d", i), life, nil)
			})
		}
	})
	if t.Failed() {
		return
	}
	var results []crashResult
	idle := c.known()
	for i, life := range led {
		c.dry[life.name] = dry[i]
		// One worker may have counted the fleet late; the others have not.
		seen := slices.DeleteFunc(dry[i].seen, func(e exchange) bool { return idle[e.what] })
		for _, at := range life.at(seen) {
			results = append(results, crashResult{life: life.name, at: &at,
				wrong: []string{"it has not come to its end"}})
		}
	}
	t.Run("kill", func(t *testing.T) {
		for i := range results {
			r := &results[i]
			life := lives[slices.IndexFunc(lives, func(l life) bool { return l.name == r.life })]
			// It names a folder, and $ begins a reference.
			t.Run(strings.ReplaceAll(r.life+" "+r.at.String(), "$", ""), func(t *testing.T) {
				t.Parallel()
				for try := range 5 {
					if *r = c.live(t, fmt.Sprintf("kill-%d-%d", i, try), life, r.at); !r.reused {
						return
					}
				}
				t.Error("the CA never validates")
			})
		}
	})
	if *crash != "" {
		require.NoError(t, os.WriteFile(*crash, []byte(crashTable(results)+c.idleTable()), 0o644))
	}
}

// lived are the lives that are led.
func lived() []life {
	return slices.DeleteFunc(slices.Clone(lives), func(l life) bool { return *crash == "" && l.sample == 0 })
}

// at is where the worker is killed: at all points, or at those whose hashes come first, which are the same in each run.
func (l life) at(seen []exchange) []point {
	if len(seen) == 0 {
		return nil // -run has left it out
	}
	points := pointsOf(seen)
	if l.points != nil {
		points = l.points(seen)
	}
	if *crash != "" {
		return points
	}
	hash := func(p point) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(l.name+p.String()))) }
	slices.SortFunc(points, func(a, b point) int { return strings.Compare(hash(a), hash(b)) })
	return points[:min(l.sample, len(points))]
}

// crashes are the servers that all lanes share.
type crashes struct {
	*stack
	boulder *acmetest.Boulder
	// dry is what came out of each life without a kill.
	dry map[string]crashResult

	mu sync.Mutex
	// idle is what a worker says that has nothing to do: how it starts, and its count of the fleet.
	idle map[string]bool
}

func (c *crashes) learn(idle map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.idle, idle)
}

func (c *crashes) known() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.idle)
}

func (c *crashes) real(forgetful bool) realCA {
	if forgetful {
		return realCA{c.ca.Directory, c.ca.CABundle}
	}
	return realCA{c.boulder.Directory, c.boulder.CABundle}
}

// idleTable shows what is not counted.
func (c *crashes) idleTable() string {
	said := slices.Sorted(maps.Keys(c.known()))
	return "not counted, since an idle worker says it:\n  " + strings.Join(said, "\n  ") + "\n"
}

// crashTable shows where the worker was killed and what came out, and counts it.
func crashTable(results []crashResult) string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "LIFE\tEXCHANGE\tNO.\tKILLED\t")
	fmt.Fprintln(table, "ORDERS\tCERTS\tREVOKED\tSTORED\tVERSIONS\tTOKENS\tDELIVERED\tTOOK\tRESULT")
	counts := map[string]*struct{ points, good int }{}
	for _, r := range results {
		if counts[r.life] == nil {
			counts[r.life] = &struct{ points, good int }{}
		}
		counts[r.life].points++
		result := strings.ReplaceAll(strings.Join(r.wrong, "; "), "\n", " ")
		if result == "" {
			counts[r.life].good++
			result = "good"
		}
		n := r.left
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t", r.life, r.at.what, r.at.nth, r.at.side)
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t", n.orders, n.certificates, n.revoked, n.stored)
		fmt.Fprintf(table, "%d\t%d\t%d\t", n.versions, n.tokens, n.delivered)
		fmt.Fprintf(table, "%s\t%s\n", r.took.Round(100*time.Millisecond), result)
	}
	_ = table.Flush()
	for _, life := range lives {
		if n := counts[life.name]; n != nil {
			fmt.Fprintf(&out, "%s: %d points, %d good, %d not\n", life.name, n.points, n.good, n.points-n.good)
		}
	}
	return out.String()
}
