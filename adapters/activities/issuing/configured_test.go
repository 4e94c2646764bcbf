package issuing

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestConfiguredIsWhatAllProcessesHave(t *testing.T) {
	process := func(s ports.ProcessSettings) ports.Process {
		s.TaskQueue = "q"
		return ports.Process{ProcessSettings: s}
	}
	delivers := []string{"workflows", ports.DeliveryRole}
	other := process(ports.ProcessSettings{Roles: delivers, Issuers: []ports.ProcessIssuer{{Name: "elsewhere"}}})
	other.TaskQueue = "other"
	require.Equal(t, domain.Configured{}, Configured(nil, "q"))
	require.Equal(t, domain.Configured{}, Configured([]ports.Process{other,
		process(ports.ProcessSettings{Roles: []string{"pull"}, Targets: []ports.ProcessTarget{{Name: "gateways"}}})},
		"q"))
	require.Equal(t, domain.Configured{Targets: map[string][]string{"": nil}},
		Configured([]ports.Process{process(ports.ProcessSettings{Roles: delivers})}, "q"))
	require.Equal(t, domain.Configured{
		Issuers: map[string]domain.ConfiguredIssuer{"a": {Profiles: []string{"x", "y"}, Known: true},
			"b": {Profiles: []string{"x"}}, "c": {}},
		Zones:   []string{"one", "two"},
		Targets: map[string][]string{"": {"nginx", "hook"}, "edge": {"disk"}},
	}, Configured([]ports.Process{
		process(ports.ProcessSettings{Roles: delivers, Zones: []string{"one"},
			Targets: []ports.ProcessTarget{{Name: "nginx"}}, Issuers: []ports.ProcessIssuer{
				{Name: "a", Profiles: []string{"x"}, Known: true}, {Name: "b", Profiles: []string{"x"}, Known: true}}}),
		process(ports.ProcessSettings{Roles: delivers, Zones: []string{"two"},
			Targets: []ports.ProcessTarget{{Name: "nginx"}, {Name: "hook"}}, Issuers: []ports.ProcessIssuer{
				{Name: "a", Profiles: []string{"y"}, Known: true}, {Name: "b"}, {Name: "c"}}}),
		process(ports.ProcessSettings{Roles: delivers, Targets: []ports.ProcessTarget{{Name: "disk", Host: "edge"}}}),
		other,
	}, "q"))
}

// What no process has is refused before anything is stored; what is in force already is not looked at.
func TestRecordUnknown(t *testing.T) {
	misspelled := spec
	misspelled.Deliveries = []string{"ngnix"}
	for _, c := range []struct {
		name    string
		in      func(*ports.RecordRequestInput)
		dryRun  bool
		record  domain.Record
		refused bool
	}{
		{"a new certificate", func(in *ports.RecordRequestInput) { in.Before = misspelled }, false, domain.Record{},
			true},
		{"a dry run", func(in *ports.RecordRequestInput) {}, true, serving(), true},
		{"a change", func(in *ports.RecordRequestInput) {}, false, serving(), true},
		{"what is in service so", func(in *ports.RecordRequestInput) { in.Before = misspelled }, false, serving(),
			false},
		{"what is stored so", func(in *ports.RecordRequestInput) { in.Before, in.Generation = misspelled, 3 }, false,
			domain.Record{}, false},
	} {
		r := newRig(t)
		r.processes = []ports.Process{{ProcessSettings: ports.ProcessSettings{Roles: []string{ports.DeliveryRole},
			Targets: []ports.ProcessTarget{{Name: "nginx"}}}}}
		in := requested(domain.RequestEnsure, forSpec(misspelled), func(r *domain.Request) { r.DryRun = c.dryRun })
		c.in(&in)
		r.reads(c.record)
		if !c.refused {
			r.certificates.EXPECT().RecordRequest(anything, certName, anything).Return(ports.RecordedRequest{}, nil)
		}
		out, err := call(r, ports.RecordRequest, in)
		require.NoError(t, err, c.name)
		require.Equal(t, c.refused, out.Refused != nil, c.name)
		if c.refused {
			require.Equal(t, domain.ReasonUnknownTarget, out.Refused.Reason, c.name)
			require.Contains(t, out.Refused.Message, `did you mean "nginx"?`, c.name)
		}
	}
}
