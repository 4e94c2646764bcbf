package activities_test

import (
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestWhatAnotherWorkerHasIsWaitedFor(t *testing.T) {
	unknown := domain.NewFault(domain.FaultOperator, domain.ReasonUnknownTarget, nil, "this worker has no target nginx")
	refused := domain.NewFault(domain.FaultOperator, domain.ReasonTargetRefused, nil, "refused")
	away := domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, nil, "away")
	newer := ports.Process{ProcessSettings: ports.ProcessSettings{
		Issuers: []ports.ProcessIssuer{{Name: "spare"}}, Targets: []ports.ProcessTarget{{Name: "nginx", Host: "web1"}},
	}}
	for title, c := range map[string]struct {
		err     error
		running []ports.Process
		unread  error
		has     func(ports.Process) bool
		kind    domain.FaultKind
		reason  domain.Reason
	}{
		"another has it": {unknown, []ports.Process{{}, newer}, nil, activities.HasTarget("nginx@web1"),
			domain.FaultWait, domain.ReasonUnknownTarget},
		"on another host": {unknown, []ports.Process{newer}, nil, activities.HasTarget("nginx"),
			domain.FaultOperator, domain.ReasonUnknownTarget},
		"an issuer": {
			domain.NewFault(domain.FaultOperator, domain.ReasonUnknownIssuer, nil, "issuer spare is not configured"),
			[]ports.Process{newer}, nil, activities.HasIssuer("spare"), domain.FaultWait, domain.ReasonUnknownIssuer},
		"nobody has it": {unknown, nil, nil, activities.HasTarget("nginx@web1"),
			domain.FaultOperator, domain.ReasonUnknownTarget},
		"nobody can say": {unknown, nil, away, activities.HasTarget("nginx@web1"),
			domain.FaultWait, domain.ReasonDatabaseUnavailable},
	} {
		t.Run(title, func(t *testing.T) {
			processes := mocks.NewMockProcesses(gomock.NewController(t))
			processes.EXPECT().Processes(gomock.Any()).Return(c.running, c.unread)
			fault := domain.AsFault(activities.Elsewhere(t.Context(), processes, c.err, c.has))
			require.Equal(t, c.kind, fault.Kind)
			require.Equal(t, c.reason, fault.Reason)
		})
	}
	nobodyIsAsked := mocks.NewMockProcesses(gomock.NewController(t))
	require.Equal(t, error(refused), activities.Elsewhere(t.Context(), nobodyIsAsked, refused,
		activities.HasTarget("nginx")))
}
