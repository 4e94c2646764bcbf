package app

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func wanted(names ...string) Spec {
	return Spec{Names: names, Fleet: "edge"}.WithDefaults()
}

// serving is the status of a certificate that is in service for its spec.
func serving(spec Spec) Status {
	return Status{Phase: domain.PhaseReady, Spec: spec,
		Issued: &Issued{Names: spec.Names, KeyType: spec.KeyType, Issuer: "default"}}
}

func kept(spec Spec, generation int64) Held {
	return Held{Known: true, Kept: true, Spec: spec, Generation: generation, Status: serving(spec)}
}

// world is what PlanFleet finds.
type found map[string]Held

func (f found) find(_ context.Context, name string) (Held, error) { return f[name], nil }

func TestPlan(t *testing.T) {
	t.Parallel()
	delivered := wanted("c.example")
	delivered.Deliveries = []string{"nginx"}
	failing := kept(wanted("e.example"), 1)
	failing.Status.Phase, failing.Status.Issued = domain.PhaseFailing, nil
	ended := kept(wanted("f.example"), 2)
	ended.Kept = false
	unmarked := wanted("g.example")
	unmarked.Fleet = ""
	world := found{
		"b": kept(wanted("b.example"), 1), "c": kept(wanted("c.example"), 3), "d": kept(wanted("other.example"), 4),
		"e": failing, "f": ended,
		"g": kept(unmarked, 5),
	}
	file := Fleet{Name: "edge", Specs: map[string]Spec{
		"a": wanted("a.example"), "b": wanted("b.example"), "c": delivered, "d": wanted("d.example"),
		"e": wanted("e.example"), "f": wanted("f.example"),
		"g": wanted("g.example"),
	}}
	fleet := func(_ context.Context, name string) ([]Record, error) {
		require.Equal(t, "edge", name)
		return []Record{{Name: "b"}, {Name: "w", Retirement: domain.Clearing}, {Name: "x"}, {Name: "y"},
			{Name: "z", Retirement: domain.Retiring}}, nil
	}
	plan, err := PlanFleet(t.Context(), file, 3, world.find, fleet)
	require.NoError(t, err)
	got := map[string]Planned{}
	for _, c := range plan.Certificates {
		c.spec, c.before = Spec{}, Spec{}
		got[c.Name] = c
	}
	require.Equal(t, map[string]Planned{
		"a": {Name: "a", Action: PlanCreate, Issues: true},
		"b": {Name: "b", Action: PlanUnchanged, generation: 1},
		"c": {Name: "c", Action: PlanChange, generation: 3, Changes: []string{"deliveries: added nginx"}},
		"d": {Name: "d", Action: PlanChange, Issues: true, generation: 4,
			Changes: []string{"names: added d.example", "names: removed other.example"}},
		"e": {Name: "e", Action: PlanWait, Issues: true, generation: 1},
		"f": {Name: "f", Action: PlanResume, generation: 2},
		"g": {Name: "g", Action: PlanChange, generation: 5, Changes: []string{"fleet: (none) is now edge"}},
		"x": {Name: "x", Action: PlanRetire},
		"y": {Name: "y", Action: PlanRetire},
	}, got)
	require.Equal(t, "x", plan.Certificates[7].Name, "what is retired comes last")
	require.True(t, plan.RetiresMost(), "two of three")

	running := []Process{{ProcessSettings: ports.ProcessSettings{Roles: []string{"delivery"}, TaskQueue: "everleaf",
		Targets: []ports.ProcessTarget{{Name: "disk"}}}}}
	require.NoError(t, plan.Check(running, "elsewhere"), "nobody there has said what there is")
	err = plan.Check(running, "everleaf")
	require.Equal(t, domain.ReasonUnknownTarget, domain.AsFault(err).Reason)
	require.ErrorContains(t, err, `certificate "c": deliveries[0] "nginx"`)

	due := Held{Known: true, Spec: wanted("f.example"), Status: serving(wanted("f.example"))}
	due.Status.Issued.Version = "v1"
	due.Status.Renewal = &domain.RenewalPlan{At: time.Now().Add(-time.Hour)}
	require.True(t, issues(due, wanted("f.example")), "its renewal is due")
	due.Status.Renewal.At = time.Now().Add(time.Hour)
	require.False(t, issues(due, wanted("f.example")))

	plan, err = PlanFleet(t.Context(), file, 1, world.find, nil)
	require.NoError(t, err)
	require.Zero(t, plan.Count(PlanRetire), "nobody asked for it")
	require.False(t, plan.RetiresMost())

	theirs := wanted("b.example")
	theirs.Fleet = "other"
	world["b"] = kept(theirs, 1)
	_, err = PlanFleet(t.Context(), file, 1, world.find, nil)
	require.Equal(t, domain.ReasonOtherFleet, domain.AsFault(err).Reason)
	broken := errors.New("away")
	_, err = PlanFleet(t.Context(), file, 1, func(context.Context, string) (Held, error) { return Held{}, broken }, nil)
	require.ErrorIs(t, err, broken)
	_, err = PlanFleet(t.Context(), file, 1, found{}.find,
		func(context.Context, string) ([]Record, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
}

func TestHalfOfAFleetIsNotMost(t *testing.T) {
	t.Parallel()
	for kept, most := range map[int]bool{0: true, 1: true, 2: false, 3: false} {
		plan := Plan{Certificates: []Planned{{Action: PlanRetire}}, kept: kept}
		require.Equal(t, most, plan.RetiresMost(), kept)
	}
}

// toApply is a plan with each action.
func toApply() Plan {
	return Plan{Fleet: "edge", Certificates: []Planned{
		{Name: "a", Action: PlanCreate, spec: wanted("a.example")},
		{Name: "b", Action: PlanUnchanged, spec: wanted("b.example")},
		{Name: "c", Action: PlanChange, spec: wanted("c.example"), generation: 7},
		{Name: "x", Action: PlanRetire},
	}}
}

// x is what is found of the certificate that toApply retires.
var x = found{"x": {Known: true, Kept: true, Spec: Spec{Fleet: "edge"}}}

// What has left the fleet since the plan was made is somebody else's by now.
func TestApplyRetiresNothingOfAnotherFleet(t *testing.T) {
	t.Parallel()
	keeper := mocks.NewMockEditor(gomock.NewController(t)) // it is asked for nothing
	plan := Plan{Fleet: "edge", Certificates: []Planned{{Name: "x", Action: PlanRetire}}}
	moved := found{"x": {Known: true, Kept: true, Spec: Spec{Fleet: "other"}}}
	require.Equal(t, 1, plan.Apply(t.Context(), keeper, 1, time.Minute, moved.find, func(c Planned, _ Status) {
		require.Equal(t, domain.ReasonOtherFleet, c.Fault.Reason)
	}))
	require.Zero(t, plan.Retired())
}

// Retired again, what is being cleared would be left there.
func TestApplyLeavesARetirementAlone(t *testing.T) {
	t.Parallel()
	keeper := mocks.NewMockEditor(gomock.NewController(t)) // it is asked for nothing
	plan := Plan{Fleet: "edge", Certificates: []Planned{{Name: "x", Action: PlanRetire}}}
	clearing := found{"x": {Known: true, Spec: Spec{Fleet: "edge"}, Status: Status{Phase: domain.PhaseRetiring}}}
	require.Zero(t, plan.Apply(t.Context(), keeper, 1, time.Minute, clearing.find, func(Planned, Status) {}))
	require.Equal(t, 1, plan.Retired())
}

func TestApplyDoesWhatIsPlanned(t *testing.T) {
	t.Parallel()
	keeper := mocks.NewMockEditor(gomock.NewController(t))
	generation := int64(7)
	first := keeper.EXPECT().EnsureWith(gomock.Any(), "a",
		EnsureRequest{Spec: wanted("a.example"), ExpectedGeneration: new(int64)}).Return(serving(wanted("a.example")),
		nil)
	second := keeper.EXPECT().EnsureWith(gomock.Any(), "c",
		EnsureRequest{Spec: wanted("c.example"), ExpectedGeneration: &generation})
	keeper.EXPECT().Retire(gomock.Any(), "x",
		RetireRequest{Note: "not in the file of the fleet edge any more"}).After(first).After(second)
	plan := toApply()
	var reported []string
	failed := plan.Apply(t.Context(), keeper, 2, time.Minute, x.find, func(c Planned, s Status) {
		require.True(t, c.Done)
		require.Equal(t, c.Name == "a", s.Issued != nil)
		reported = append(reported, c.Name)
	})
	require.Zero(t, failed)
	require.ElementsMatch(t, []string{"a", "c", "x"}, reported)
	require.Equal(t, "x", reported[2])
	require.False(t, plan.Certificates[1].Done, "nothing was to be done")
}

// A failure is reported, holds up no other certificate, and keeps what would be retired.
func TestApplyRetiresNothingAfterAFailure(t *testing.T) {
	t.Parallel()
	refused := domain.NewFault(domain.FaultName, domain.ReasonNameRejected, errors.New("why"),
		"the CA refuses the name")
	for reason, answer := range map[domain.Reason]func(ctx context.Context) error{
		domain.ReasonNameRejected: func(context.Context) error { return refused },
		domain.ReasonNoAnswer: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		keeper := mocks.NewMockEditor(gomock.NewController(t))
		keeper.EXPECT().EnsureWith(gomock.Any(), "a",
			gomock.Any()).DoAndReturn(func(ctx context.Context, _ string, _ EnsureRequest) (Status, error) {
			return Status{}, answer(ctx)
		})
		keeper.EXPECT().EnsureWith(gomock.Any(), "c", gomock.Any())
		plan := toApply()
		require.Equal(t, 1, plan.Apply(t.Context(), keeper, 1, 10*time.Millisecond, x.find, func(Planned, Status) {}))
		require.Equal(t, reason, plan.Certificates[0].Fault.Reason)
		require.True(t, plan.Certificates[2].Done)
		require.False(t, plan.Certificates[3].Done)
		require.Nil(t, plan.Certificates[3].Fault)
	}
}

// No more than so many are at work at a time.
func TestApplyKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	keeper := mocks.NewMockEditor(gomock.NewController(t))
	var mu sync.Mutex
	working, most := 0, 0
	keeper.EXPECT().EnsureWith(gomock.Any(), gomock.Any(),
		gomock.Any()).Times(20).DoAndReturn(func(context.Context, string, EnsureRequest) (Status, error) {
		mu.Lock()
		working++
		most = max(most, working)
		mu.Unlock()
		time.Sleep(time.Millisecond)
		mu.Lock()
		working--
		mu.Unlock()
		return Status{}, nil
	})
	plan := Plan{Certificates: make([]Planned, 20)}
	for i := range plan.Certificates {
		plan.Certificates[i].Action = PlanCreate
	}
	require.Zero(t, plan.Apply(t.Context(), keeper, 3, time.Minute, x.find, func(Planned, Status) {}))
	require.LessOrEqual(t, most, 3)
}
