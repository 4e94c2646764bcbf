package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
	"everleaf/ports"
)

func listed(name string, state app.Phase) app.Listed {
	c := app.Listed{State: state}
	c.Name, c.Phase, c.Spec.Names = name, state, []string{name}
	return c
}

// fleet is one certificate of each sort.
func fleet() []app.Listed {
	ready := listed("a-ready", domain.PhaseReady)
	ready.Issued, ready.Renewal = issued(), &app.RenewalPlan{At: noon.Add(60 * 24 * time.Hour)}
	ready.Spec.Tenant, ready.Issued.Names = "shop", []string{"www.example.com", "example.com", "m.example.com"}
	ready.Delivered = ports.DeliveryCount{Targets: 3, Current: 2, Failing: 1,
		Failure: &app.Delivery{Target: "web2", Failure: failing().Failure}}
	due := listed("b-due", domain.PhaseReady)
	due.Issued, due.Renewal = issued(), &app.RenewalPlan{At: noon.Add(-2 * time.Hour)}
	failed := listed("c-failing", domain.PhaseFailing)
	failed.Failure, failed.Spec.Issuers = failing().Failure, []string{"main"}
	revoked := listed("d-revoked", domain.PhaseRevoked)
	at := noon.Add(-time.Hour)
	revoked.Phase, revoked.Issued, revoked.RevokedAt = domain.PhaseReady, issued(), &at
	malformed := listed("e-malformed", domain.PhaseReady)
	malformed.Malformed = "spec: json: cannot unmarshal string"
	released := listed("f-released", domain.PhaseReleased)
	released.Retirement = domain.Released
	released.ReleasedAt, released.Issued, released.Failure, released.Renewal = &at, issued(), failing().Failure,
		ready.Renewal
	return []app.Listed{ready, due, failed, revoked, malformed, released}
}

func (b *bench) lists(filter any, after string, list []app.Listed, next string) *gomock.Call {
	return b.catalog.EXPECT().List(gomock.Any(), filter, after,
		page).Return(ports.CertificatePage{Certificates: list, Next: next}, nil)
}

func (b *bench) list(t *testing.T, args ...string) int {
	t.Helper()
	return b.run(t.Context(), append([]string{"cert", "list", "--postgres-url", "p"}, args...)...)
}

func TestListTable(t *testing.T) {
	b := newBench(t)
	b.lists(app.CertificateFilter{}, "", fleet()[:2], "b-due")
	b.lists(app.CertificateFilter{}, "b-due", fleet()[2:], "")
	b.exits(t, exitProblem, b.list(t))
	require.Equal(t, `NAME     STATE  NAMES               DELIVERED       EXPIRES                              RENEWS                               PROBLEM
a-ready  Ready  www.example.com +2  2/3, 1 failing  2027-02-20 12:00:00 UTC (in 90d00h)  2027-01-21 12:00:00 UTC (in 60d00h)  web2: Name/Unauthorized: the CA saw 404 [2J at http://www.example.com
b-due    Ready  www.example.com     -               2027-02-20 12:00:00 UTC (in 90d00h)  2026-11-22 10:00:00 UTC (2h00m ago)  renewal is overdue: everleaf cert status b-due says why
c-failing    Failing   c-failing           -               -                                    -                                    Name/Unauthorized: the CA saw 404 [2J at http://www.example.com
d-revoked    Revoked   www.example.com     -               2027-02-20 12:00:00 UTC (in 90d00h)  -                                    to replace it: everleaf cert renew d-revoked
e-malformed  Ready     e-malformed         -               -                                    -                                    malformed row: spec: json: cannot unmarshal string
f-released   Released  www.example.com     -               2027-02-20 12:00:00 UTC (in 90d00h)  -                                    -
`, b.out.String())
	require.Equal(t, "everleaf: rows that cannot be read: 1; the list says what is wrong with them (PROBLEM, malformed): somebody has edited them, "+
		"or they are a newer release's\n", b.err.String())
}

func TestListWide(t *testing.T) {
	b := newBench(t)
	b.lists(app.CertificateFilter{}, "", fleet()[:4], "")
	b.exits(t, exitOK, b.list(t, "-o", "wide"))
	lines := strings.Split(b.out.String(), "\n")
	fields := func(line string) string { return strings.Join(strings.Fields(line), " ") }
	require.Equal(t, "NAME STATE NAMES DELIVERED EXPIRES RENEWS ISSUER TENANT SERIAL PROBLEM", fields(lines[0]))
	require.Equal(t, "a-ready Ready www.example.com,example.com,m.example.com 2/3, 1 failing 2027-02-20 12:00:00 UTC (in 90d00h) "+
		"2027-01-21 12:00:00 UTC (in 60d00h) default shop 0a1b web2: Name/Unauthorized: the CA saw 404 [2J at http://www.example.com", fields(lines[1]))
	require.Equal(t, "c-failing Failing c-failing - - - main c-failing - Name/Unauthorized: the CA saw 404 [2J at http://www.example.com", fields(lines[3]))
}

func TestListProblems(t *testing.T) {
	c := listed("web", domain.PhaseFailing)
	f := *failing().Failure
	f.Fault.Message, f.RetryAt = strings.Repeat("long ", 100), noon.Add(-time.Hour)
	c.Failure = &f
	k := newBench(t).kit
	narrow, wide := k.listed(c, false), k.listed(c, true)
	require.Equal(t, "next try is overdue: everleaf cert status web says why; Name/Unauthorized: long…",
		narrow[len(narrow)-1])
	require.Contains(t, wide[len(wide)-1], strings.TrimSpace(f.Fault.Message), "in full")
}

// An expired certificate is a problem at once, whatever else is wrong.
func TestListSaysThatACertificateHasExpired(t *testing.T) {
	c := listed("web", domain.PhaseReady)
	c.Issued, c.Renewal = issued(), &app.RenewalPlan{At: noon.Add(-time.Minute)}
	c.Issued.NotAfter = noon.Add(-time.Second)
	k := newBench(t).kit
	problem := func() string {
		cells := k.listed(c, true)
		return cells[len(cells)-1]
	}
	require.Equal(t, "expired: everleaf cert status web says why", problem())
	c.Renewal.At = noon.Add(-time.Hour)
	require.Equal(t, "expired; renewal is overdue: everleaf cert status web says why", problem())
	c.Failure = failing().Failure
	require.Contains(t, problem(), "expired; Name/Unauthorized: ")
	c.Retirement = domain.Retiring
	require.Equal(t, "-", problem(), "it is not to be renewed")
	c.Retirement, c.Failure, c.Renewal = "", nil, nil
	c.Issued.NotAfter = noon.Add(time.Second)
	require.Equal(t, "-", problem())
}

// A retirement shows what holds it up, and nothing that no longer matters.
func TestListProblemsOfARetirement(t *testing.T) {
	removal := *failing().Failure
	removal.Step, removal.Fault = domain.RemovalStep,
		app.Fault{Kind: domain.FaultOperator, Reason: "TargetRefused", Message: "it says no"}
	refused := *failing().Failure
	refused.Fault = app.Fault{Kind: domain.FaultCA, Reason: "ServerError", Message: "it is down"}
	k := newBench(t).kit
	for _, c := range []struct {
		delivery, unrevoked *app.Failure
		says                string
	}{
		{nil, nil, "-"},
		{&refused, nil, "-"},
		{nil, &refused, "cannot be revoked: CA/ServerError: it is down"},
		{&refused, &refused, "cannot be revoked: CA/ServerError: it is down"},
		{&removal, &refused, "web2 cannot be cleared: Operator/TargetRefused: it says no"},
	} {
		l := listed("web", app.PhaseRetiring)
		l.Retirement, l.Failure, l.Unrevoked = domain.Clearing, failing().Failure, c.unrevoked
		if c.delivery != nil {
			l.Delivered = ports.DeliveryCount{Failing: 1, Failure: &app.Delivery{Target: "web2", Failure: c.delivery}}
		}
		require.Equal(t, c.says, k.listedProblem(l))
	}
	kept := listed("web", domain.PhaseReady)
	kept.Unrevoked = &refused
	require.Equal(t, "cannot be revoked: CA/ServerError: it is down", k.listedProblem(kept))
}

func TestListFlagsMakeTheFilter(t *testing.T) {
	b := newBench(t)
	want := app.CertificateFilter{State: "Failing", Issuer: "main", Tenant: "shop",
		ExpiringBefore: noon.Add(48 * time.Hour), Pattern: "*.example.com", Released: true}
	b.lists(want, "", nil, "")
	b.exits(t, exitOK, b.list(t, "--state", "Failing", "--issuer", "main", "--tenant", "shop", "--expiring-within",
		"48h", "--name", "*.example.com", "--all"))
	for _, wrong := range [][]string{{"--state", "ready"}, {"--limit", "-1"}, {"--watch", "-o", "json"},
		{"--expiring-within", "2w"}} {
		b := newBench(t)
		b.exits(t, exitUsage, b.list(t, wrong...))
	}
}

func TestListLimit(t *testing.T) {
	for limit, want := range map[string]int{"0": 6, "1": 1, "3": 3, "4": 4, "9": 6} {
		b := newBench(t)
		b.lists(gomock.Any(), "", fleet()[:3], "c").AnyTimes()
		if want > 3 {
			b.lists(gomock.Any(), "c", fleet()[3:], "")
		}
		b.list(t, "--limit", limit, "-o", "json")
		var got []app.Listed
		require.NoError(t, json.Unmarshal([]byte(b.out.String()), &got))
		require.Len(t, got, want, limit)
	}
}

// A list for programs is a valid array, whatever happens on the way.
func TestListJSON(t *testing.T) {
	b := newBench(t)
	b.lists(gomock.Any(), "", fleet()[:2], "b")
	b.lists(gomock.Any(), "b", nil, "b2")
	b.lists(gomock.Any(), "b2", fleet()[2:], "")
	b.exits(t, exitProblem, b.list(t, "-o", "json"))
	var got []app.Listed
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &got))
	require.Equal(t, fleet(), got)

	b = newBench(t)
	b.lists(gomock.Any(), "", nil, "")
	b.exits(t, exitOK, b.list(t, "-o", "json"))
	require.Equal(t, "[]\n", b.out.String())

	gone := domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, nil, "Postgres is away")
	b = newBench(t)
	b.lists(gomock.Any(), "", fleet()[:1], "a")
	b.catalog.EXPECT().List(gomock.Any(), gomock.Any(), "a", page).Return(ports.CertificatePage{}, gone)
	b.exits(t, exitProblem, b.list(t, "-o", "json"))
	var mixed []struct {
		Name  string
		Error struct{ Kind, Reason, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &mixed))
	require.Len(t, mixed, 2)
	require.Equal(t, "a-ready", mixed[0].Name)
	require.Equal(t, "DatabaseUnavailable", mixed[1].Error.Reason)

	b = newBench(t)
	b.catalog.EXPECT().List(gomock.Any(), gomock.Any(), "", page).Return(ports.CertificatePage{}, gone)
	b.exits(t, exitProblem, b.list(t, "-o", "json"))
	require.Equal(t, failed(gone, exitProblem), decode[failure](t, b.out.String()))
}

func decode[T any](t *testing.T, text string) (value T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	return value
}

// endless is a catalog of so many certificates.
type endless struct {
	ports.Catalog
	left int
	peak uint64
}

func (e *endless) List(_ context.Context, _ ports.CertificateFilter, _ string, limit int) (found ports.CertificatePage,
	err error) {
	for ; e.left > 0 && len(found.Certificates) < limit; e.left-- {
		c := fleet()[0]
		c.Name = fmt.Sprint(e.left)
		found.Certificates = append(found.Certificates, c)
	}
	if found.Next = fmt.Sprint(e.left); e.left == 0 {
		found.Next = ""
	}
	var now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&now)
	e.peak = max(e.peak, now.HeapAlloc)
	return found, nil
}

// What a list holds in memory is a page, and not the fleet.
func TestListNeedsTheMemoryOfAPage(t *testing.T) {
	for _, format := range []string{"table", "wide", "json"} {
		peak := map[int]uint64{}
		for _, size := range []int{2 * page, 40 * page} {
			b, catalog := newBench(t), &endless{left: size}
			b.kit.out = io.Discard
			b.kit.catalog = func(context.Context, app.Config) (app.Catalog, func(), error) {
				return catalog, func() {},
					nil
			}
			b.exits(t, exitOK, b.list(t, "-o", format))
			require.Zero(t, catalog.left)
			peak[size] = catalog.peak
		}
		require.Less(t, peak[40*page], peak[2*page]+2<<20, "%s: %d certificates more need %v octets", format, 38*page,
			peak)
	}
}

// watched runs a watch over these looks, until the last was shown.
func (b *bench) watched(t *testing.T, args []string, looks ...any) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b.catalog.EXPECT().List(gomock.Any(), gomock.Any(), "", page).AnyTimes().DoAndReturn(
		func(context.Context, ports.CertificateFilter, string, int) (ports.CertificatePage, error) {
			if len(looks) == 0 {
				cancel()
				return ports.CertificatePage{}, context.Canceled
			}
			look := looks[0]
			looks = looks[1:]
			if err, ok := look.(error); ok {
				return ports.CertificatePage{}, err
			}
			return ports.CertificatePage{Certificates: look.([]app.Listed)}, nil
		})
	b.exits(t, exitInterrupted, b.run(ctx, append([]string{"cert", "list", "--postgres-url", "p", "--watch",
		"--interval", "1ms"}, args...)...))
}

func TestWatchPrintsChanges(t *testing.T) {
	b := newBench(t)
	clock := noon
	b.now = func() time.Time { clock = clock.Add(time.Second); return clock }
	before, after := listed("web", domain.PhaseIssuing), listed("web", domain.PhaseReady)
	other := listed("other", domain.PhaseReady)
	other.Issued = issued()
	b.watched(t, nil, []app.Listed{other, before}, []app.Listed{other, before}, errors.New("away"), errors.New("away"),
		[]app.Listed{other, after}, []app.Listed{after}, []app.Listed{after})
	var lines []string
	for line := range strings.Lines(b.out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line)[:2], " "))
	}
	require.Equal(t, []string{"NAME STATE", "other Ready", "web Issuing", "web Ready", "other gone"}, lines)
	require.Equal(t, "everleaf: away\neverleaf: interrupted\n", b.err.String())
}

func TestWatchFillsATerminal(t *testing.T) {
	b := newBench(t)
	b.terminal = func() (int, bool) { return 6, true }
	b.watched(t, nil, fleet(), fleet()[:2])
	screens := strings.Split(b.out.String(), "\x1b[H")
	require.Len(t, screens, 3)
	require.Contains(t, screens[1], "c-failing")
	require.NotContains(t, screens[1], "d-revoked")
	require.Contains(t, screens[1], "as of 2026-11-22 12:00:00 UTC; there are more than fit here")
	require.Equal(t, 4, strings.Count(screens[1], "\n"), "the last line has no break: it would scroll")
	require.NotContains(t, screens[2], "more than fit")
}
