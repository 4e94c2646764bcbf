package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
	"everleaf/ports"
)

const fleetFile = "fleet: edge\ncertificates:\n  a.example.com: {}\n  b.example.com: {}\n"

// fleet has one certificate as the file says, and knows nothing of the other.
func (b *bench) fleet() {
	status := ready()
	status.Spec = app.Spec{Names: []string{"a.example.com"}, Fleet: "edge"}.WithDefaults()
	b.keeper.EXPECT().Status(gomock.Any(), "a.example.com").AnyTimes().Return(status, nil)
	b.keeper.EXPECT().Status(gomock.Any(), "b.example.com").AnyTimes().Return(app.Status{},
		app.UnknownCertificate("b.example.com"))
	b.in = strings.NewReader(fleetFile)
}

func (b *bench) creates(err error) {
	spec := app.Spec{Names: []string{"b.example.com"}, Fleet: "edge"}.WithDefaults()
	b.keeper.EXPECT().EnsureWith(gomock.Any(), "b.example.com",
		app.EnsureRequest{Spec: spec, ExpectedGeneration: new(int64)}).Return(ready(), err)
}

func TestApplyPrintsThePlanFirst(t *testing.T) {
	b := newBench(t)
	b.fleet()
	b.exits(t, exitOK, b.run(t.Context(), "apply", "-f", "-", "--dry-run"))
	const plan = "ACTION  NAME           ISSUES         CHANGES\ncreate  b.example.com  a certificate  \n2 certificates: 1 create, 1 unchanged; 1 to be issued\n"
	require.Equal(t, plan, b.out.String())
	require.Empty(t, b.err.String())

	b = newBench(t)
	b.fleet()
	b.creates(nil)
	b.exits(t, exitOK, b.run(t.Context(), "apply", "-f", "-"))
	require.Equal(t, plan, b.out.String())
	require.Regexp(t, `^b.example.com: create: done, in service until 2027-02-20 .*\nall 2 certificates are as the file says\n$`, b.err.String())
}

func TestApplyCountsOne(t *testing.T) {
	b := newBench(t)
	status := ready()
	status.Spec = app.Spec{Names: []string{name}}.WithDefaults()
	status.Issued.KeyType = status.Spec.KeyType
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(status, nil)
	b.in = strings.NewReader("certificates: {" + name + ": {}}")
	b.exits(t, exitOK, b.run(t.Context(), "apply", "-f", "-"))
	require.Equal(t, "1 certificate: 1 unchanged; 0 to be issued\n", b.out.String())
	require.Equal(t, "the certificate is as the file says\n", b.err.String())
}

// For programs, there is one document, with what came of each certificate.
func TestApplyForPrograms(t *testing.T) {
	b := newBench(t)
	b.fleet()
	b.creates(domain.NewFault(domain.FaultName, domain.ReasonNameRejected, nil, "no"))
	b.exits(t, exitProblem, b.run(t.Context(), "apply", "-f", "-", "-o", "json"))
	var got app.Plan
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &got), b.out)
	require.Equal(t, "edge", got.Fleet)
	require.Equal(t, app.PlanUnchanged, got.Certificates[0].Action)
	require.Equal(t, domain.ReasonNameRejected, got.Certificates[1].Fault.Reason)
	require.False(t, got.Certificates[1].Done)
	require.Contains(t, b.err.String(), "1 of 2 certificates failed. Once that is solved, the same command goes on")
}

func TestPrune(t *testing.T) {
	record := func(name string) app.Record { return app.Record{Name: name} }
	clearing := record("clearing")
	clearing.Retirement = domain.Clearing
	for _, c := range []struct {
		title  string
		fleet  []app.Record
		args   []string
		code   int
		retire []string
		says   string
	}{
		{"one of three", []app.Record{record("a.example.com"), record("b.example.com"), record("old")},
			[]string{"--prune"}, exitOK, []string{"old"}, "old: retire: done"},
		{"most", []app.Record{record("a.example.com"), record("old"), record("older")}, []string{"--prune"},
			exitProblem, nil, "--prune would retire more than half of the fleet"},
		{"most, and it is meant so", []app.Record{record("a.example.com"), record("old"), record("older")},
			[]string{"--prune", "--prune-all"}, exitOK, []string{"old", "older"}, "older: retire: done"},
		{"nothing", []app.Record{record("a.example.com")}, []string{"--prune"}, exitOK, nil,
			"all 2 certificates are as the file says"},
		{"one that is being cleared", []app.Record{record("a.example.com"), clearing}, []string{"--prune"}, exitOK, nil,
			"all 2 certificates are as the file says"},
		{"a dry run", []app.Record{record("a.example.com"), record("old"), record("b.example.com")},
			[]string{"--prune", "--dry-run"}, exitOK, nil, ""},
	} {
		b := newBench(t)
		b.fleet()
		if c.code == exitOK && !strings.Contains(strings.Join(c.args, " "), "dry") {
			b.creates(nil)
		}
		b.timelines.EXPECT().Timeline(gomock.Any(), "b.example.com", 0).Return(ports.Timeline{},
			app.UnknownCertificate("b.example.com"))
		b.catalog.EXPECT().OfFleet(gomock.Any(), "edge").Return(c.fleet, nil)
		of := ready()
		of.Spec = app.Spec{Names: []string{"old.example.com"}, Fleet: "edge"}.WithDefaults()
		for _, name := range c.retire {
			b.keeper.EXPECT().Status(gomock.Any(), name).Return(of, nil)
			b.keeper.EXPECT().Retire(gomock.Any(), name, gomock.Any())
		}
		b.exits(t, c.code, b.run(t.Context(),
			append([]string{"apply", "-f", "-", "--postgres-url", "p"}, c.args...)...))
		require.Contains(t, b.err.String(), c.says, c.title)
		require.Equal(t, 3, b.closed, "keeper, timelines and catalog")
		for _, record := range c.fleet {
			if strings.HasPrefix(record.Name, "clearing") {
				require.NotContains(t, b.out.String(), record.Name)
			}
			if strings.HasPrefix(record.Name, "old") {
				require.Regexp(t, `retire +`+record.Name+` `, b.out.String(), c.title)
			}
		}
	}
}

func TestApplyRefusesWhatCannotBe(t *testing.T) {
	for _, c := range []struct {
		file string
		args []string
		code int
		says string
	}{
		{"certificates: {a.example.com: {nams: []}}", nil, exitProblem, `standard input:1: there is no field "nams"`},
		{"certificates: {a.example.com: {}}", []string{"--prune", "--postgres-url=p"}, exitUsage,
			"--prune needs fleet: NAME"},
		{fleetFile, []string{"--prune"}, exitUsage, "give EVERLEAF_POSTGRES_URL"},
		{fleetFile, []string{"--prune-all", "--postgres-url=p"}, exitUsage, "give both"},
		{fleetFile, []string{"--parallel=257"}, exitUsage, "a whole number from 1 to 256"},
	} {
		b := newBench(t)
		b.in = strings.NewReader(c.file)
		b.exits(t, c.code, b.run(t.Context(), append([]string{"apply", "-f", "-"}, c.args...)...))
		require.Contains(t, b.err.String(), c.says)
	}
}

// Without an answer from each workflow there is no plan, and nothing is changed.
func TestApplyWithoutAPlan(t *testing.T) {
	noWorker := domain.NewFault(domain.FaultWait, domain.ReasonNoWorker, nil, "no worker answers")
	b := newBench(t)
	b.in = strings.NewReader(fleetFile)
	b.keeper.EXPECT().Status(gomock.Any(), gomock.Any()).AnyTimes().Return(app.Status{}, noWorker)
	b.exits(t, exitTimeout, b.run(t.Context(), "apply", "-f", "-", "--timeout", "50ms"))
	require.Contains(t, b.err.String(), "no plan after 50ms, and nothing was changed")

	b = newBench(t)
	b.in = strings.NewReader(fleetFile)
	b.keeper.EXPECT().Status(gomock.Any(), gomock.Any()).AnyTimes().Return(app.Status{}, errors.New("broken"))
	b.exits(t, exitProblem, b.run(t.Context(), "apply", "-f", "-"))
	require.Contains(t, b.err.String(), ".example.com\": broken")
}

// A problem that ends the wait is printed once, at the end; one that the caller waits through is progress.
func TestAProblemIsPrintedOnce(t *testing.T) {
	b := newBench(t)
	b.poll = 20 * b.poll
	looked := make(chan struct{}, 1000)
	var known atomic.Bool
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().DoAndReturn(func(context.Context, string) (app.Status,
		error) {
		if !known.Load() {
			return app.Status{}, app.UnknownCertificate(name)
		}
		looked <- struct{}{}
		return failing(), nil
	})
	b.keeper.EXPECT().EnsureWith(gomock.Any(), name,
		gomock.Any()).DoAndReturn(func(context.Context, string, app.EnsureRequest) (app.Status, error) {
		known.Store(true)
		<-looked
		return app.Status{}, domain.NewFault(domain.FaultName, domain.ReasonUnauthorized, nil,
			"the CA saw 404 (next try at 2026-11-22T12:10:00Z)")
	})
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "ensure", name))
	require.Equal(t, 1, strings.Count(b.err.String(), "the CA saw 404"), b.err)
	require.Equal(t, 1, strings.Count(b.err.String(), "everleaf cert renew "+name+" tries at once"), b.err)
}
