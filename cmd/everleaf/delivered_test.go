package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
)

// with is a certificate in service with this delivery.
func with(d domain.Delivery) app.Status {
	s := ready()
	s.Deliveries = []domain.Delivery{d}
	return s
}

func refused(target string) domain.Delivery {
	return domain.Delivery{Target: target, Failure: &app.Failure{At: noon, RetryAt: noon.Add(time.Minute),
		Fault: *domain.NewFault(domain.FaultOperator, domain.ReasonTargetRefused, nil, "no space")}}
}

// The answer comes when the last target has the certificate, and says what was changed.
func TestRenewWaitsForDeliveries(t *testing.T) {
	b := newBench(t)
	has := domain.Delivery{Target: "nginx", Version: issued().Version, At: noon}
	toGetIt := with(domain.Delivery{Target: "nginx"})
	// Each look comes when the line of the one before is out.
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().DoAndReturn(func(context.Context, string) (app.Status,
		error) {
		switch said := b.err.String(); {
		case strings.Contains(said, "no space"):
			return with(has), nil
		case strings.Contains(said, "is to get it"):
			return with(refused("nginx")), nil
		default:
			return toGetIt, nil
		}
	})
	b.keeper.EXPECT().Renew(gomock.Any(), name, gomock.Any()).Return(toGetIt, nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "renew", name, "--wait-for-deliveries"))
	require.Contains(t, b.err.String(), name+": in service; target nginx: is to get it\n")
	require.Contains(t, b.err.String(), "target nginx: Operator/TargetRefused: no space; next try")
	require.Contains(t, b.out.String(), "nginx: has it since")
}

// What is not delivered in time exits as what is not issued in time does, and the line says which target and why.
func TestDeliveriesThatAreLate(t *testing.T) {
	b := newBench(t)
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(with(refused("nginx")), nil)
	b.keeper.EXPECT().Renew(gomock.Any(), name, gomock.Any()).Return(with(refused("nginx")), nil)
	b.exits(t, exitTimeout, b.run(t.Context(), "cert", "renew", name, "--wait-for-deliveries", "--timeout=50ms"))
	require.Contains(t, b.err.String(), "in service, but its targets are not as requested after 50ms: target nginx: "+
		"Operator/TargetRefused: no space")
	require.Empty(t, b.out.String())
}

// What says nothing of deliveries is not delivered: a workflow that reads what is stored, a target that no step has been
// started for, a certificate that somebody retires.
func TestWhatIsNotDelivered(t *testing.T) {
	k := newBench(t).kit
	has := with(domain.Delivery{Target: "nginx", Version: issued().Version, At: noon})
	_, behind := k.behind(has)
	require.Empty(t, behind)
	for says, change := range map[string]func(*app.Status){
		"reads what is stored":      func(s *app.Status) { s.Phase = domain.PhaseChecking },
		"the workflow reads":        func(s *app.Status) { s.Issued, s.Deliveries = nil, nil },
		"target edge: is to get it": func(s *app.Status) { s.Spec.Deliveries = []string{"edge", "nginx"} },
		"target nginx":              func(s *app.Status) { s.Deliveries[0].Version = "another" },
		"is being cleared":          func(s *app.Status) { s.Deliveries[0].Removing = true },
	} {
		status := with(domain.Delivery{Target: "nginx", Version: issued().Version, At: noon})
		change(&status)
		_, behind := k.behind(status)
		require.Contains(t, behind, says)
	}

	b := newBench(t)
	retired := ready()
	retired.Phase = domain.PhaseRetiring
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(retired, nil)
	b.keeper.EXPECT().Renew(gomock.Any(), name, gomock.Any()).Return(retired, nil)
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "renew", name, "--wait-for-deliveries"))
	require.Contains(t, b.err.String(), "was retired while its deliveries were waited for")
}
