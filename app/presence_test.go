package app

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
	"everleaf/adapters/sealing"
	"everleaf/adapters/temporal"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestPresenceIsRenewedAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		processes := mocks.NewMockProcesses(gomock.NewController(t))
		logged := &log{}
		p := newPresence(Config{Roles: []Role{RoleResponder}}, &reload{}, processes, NewLogger(logged, Log{}))
		signs := 0
		var answer error
		processes.EXPECT().RecordProcess(gomock.Any(), p.describe()).AnyTimes().DoAndReturn(
			func(context.Context, ports.Process) error { signs++; return answer })
		require.NoError(t, p.start(t.Context()))
		require.Equal(t, 1, signs, "there before anything begins")
		time.Sleep(2*presenceInterval + time.Second)
		require.Equal(t, 3, signs)
		require.Greater(t, ports.ProcessGone, 3*presenceInterval, "a sign or two may be lost")

		answer = domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, nil, "Postgres is out of reach")
		time.Sleep(3 * presenceInterval)
		require.Equal(t, 6, signs)
		require.Equal(t, 1, strings.Count(logged.String(), "could not renew its entry"), "an outage is logged once")
		answer = nil
		time.Sleep(presenceInterval)

		processes.EXPECT().RemoveProcess(gomock.Any(), temporal.ProcessID()).Return(nil)
		require.NoError(t, p.stop(t.Context()))
		time.Sleep(3 * presenceInterval)
		require.Equal(t, 7, signs, "none comes after it")
	})
}

func TestAProcessDescribesWhatItsRolesHave(t *testing.T) {
	t.Parallel()
	config := settings(t)
	config.DeliveryHost, config.Workers.Versioning.BuildID = "edge", "b1"
	config.Targets = []delivery.Config{{Name: "nginx", Webhook: &delivery.Webhook{
		URL: "https://hooks.example.com/a-key?b=c", Secret: "whsec_secret"}}}
	config.DNS01.Zones = []dns01.ZoneConfig{{Zone: "example.com", HTTP: &dns01.HTTP{
		URL: "https://dns.example.com/a-key", Username: "a-user", Password: "a-password"}}}
	config.Issuers[0].Email, config.Issuers[0].OnlyReturnExisting = "ops@example.com", true
	config.Issuers[0].EAB = acme.EAB{KeyID: "a-key-id", HMACKey: "YS1zZWNyZXQ"}
	p := newPresence(config, &reload{config: config}, nil, quiet())
	ca, err := acme.New(config.Issuers[0], nil, nil, nil)
	require.NoError(t, err)
	p.issuers = acme.NewIssuers(ca)
	ring, err := sealing.Open(t.Context(), config.Sealing)
	require.NoError(t, err)
	p.ring, p.target = ring, &temporal.Config{TaskQueue: "everleaf"}
	p.target.Client.Namespace = "default"
	require.Equal(t, ports.Process{
		ID: temporal.ProcessID(), Host: temporal.Host(), Build: "b1",
		ProcessSettings: ports.ProcessSettings{
			Roles:     []string{"workflows", "authorization", "delivery", "nexus", "responder", "pull"},
			TaskQueue: "everleaf", Namespace: "default",
			Issuers: []ports.ProcessIssuer{{Name: "default", Directory: config.Issuers[0].Directory,
				Settings: ports.Settings{"onlyReturnExisting": "true"}}},
			Targets: []ports.ProcessTarget{{Name: "nginx", Host: "edge", Settings: ports.Settings{"kind": "webhook",
				"url": "https://hooks.example.com"}}},
			Zones: []string{"example.com"}, ZoneSettings: map[string]ports.Settings{"example.com": {"kind": "http",
				"url": "https://dns.example.com"}},
			Opens: ring.IDs(), SealsWith: ring.IDs()[0],
		},
	}, p.describe())
}
