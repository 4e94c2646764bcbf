package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/ports"
)

// all are the settings of a process with all roles.
func all(change func(*ports.ProcessSettings)) ports.ProcessSettings {
	s := ports.ProcessSettings{
		Roles:     []string{"workflows", "authorization", "delivery", "nexus", "responder", "pull"},
		TaskQueue: "everleaf", Namespace: "default",
		Issuers: []ports.ProcessIssuer{{Name: "default", Directory: "https://a.example/dir",
			Settings: ports.Settings{"caBundle": "/a.pem"}, Profiles: []string{"tls"}, Known: true}},
		Targets:      []ports.ProcessTarget{{Name: "web", Settings: ports.Settings{"kind": "directory", "path": "/a/{name}"}}},
		Zones:        []string{"example.net"},
		ZoneSettings: map[string]ports.Settings{"example.net": {"kind": "rfc2136", "server": "ns1"}},
	}
	change(&s)
	return s
}

func same(*ports.ProcessSettings) {}

func TestCompareProcesses(t *testing.T) {
	t.Parallel()
	type change = func(*ports.ProcessSettings)
	for title, c := range map[string]struct {
		other        change
		warns, fails string
	}{
		"alike": {other: same},
		"what a CA said is no setting": {other: func(s *ports.ProcessSettings) {
			s.Issuers[0].Profiles, s.Issuers[0].Known = nil, false
		}},
		"another queue": {other: func(s *ports.ProcessSettings) { s.TaskQueue, s.Issuers = "other", nil }},
		"another namespace": {other: func(s *ports.ProcessSettings) {
			s.Namespace, s.Issuers[0].Directory = "other", "https://b.example/dir"
		}},
		"one without the work": {other: func(s *ports.ProcessSettings) {
			s.Roles, s.Issuers, s.Targets, s.Zones = []string{"nexus", "responder"}, nil, nil, nil
		}},
		"a host of its own": {other: func(s *ports.ProcessSettings) {
			s.Roles, s.Issuers, s.Zones = []string{"delivery"}, nil, nil
			s.Targets = []ports.ProcessTarget{{Name: "disk", Host: "edge"}}
		}},
		"workflows alone need no zones": {other: func(s *ports.ProcessSettings) {
			s.Roles, s.Targets, s.Zones = []string{"workflows"}, nil, nil
		}},
		"pulls alone need no other targets": {other: func(s *ports.ProcessSettings) {
			s.Roles, s.TaskQueue, s.Issuers, s.Targets, s.Zones = []string{"pull"}, "", nil, nil, nil
		}},
		"another directory": {other: func(s *ports.ProcessSettings) { s.Issuers[0].Directory = "https://b.example/dir" },
			fails: `issuer default: directory is "https://a.example/dir" at 1@a, "https://b.example/dir" at 2@b; give all`},
		"other roots": {other: func(s *ports.ProcessSettings) { s.Issuers[0].Settings = nil },
			fails: `issuer default: caBundle is "" at 2@b, "/a.pem" at 1@a`},
		"another path": {other: func(s *ports.ProcessSettings) { s.Targets[0].Settings = ports.Settings{"kind": "exec"} },
			fails: `target web: kind is "directory" at 1@a, "exec" at 2@b; target web: path is "" at 2@b, "/a/{name}" at 1@a`},
		"another server": {other: func(s *ports.ProcessSettings) { s.ZoneSettings["example.net"]["server"] = "ns2" },
			fails: `DNS zone example.net: server is "ns1" at 1@a, "ns2" at 2@b`},
		"an issuer less": {other: func(s *ports.ProcessSettings) {
			s.Issuers = []ports.ProcessIssuer{{Name: "spare"}}
		}, warns: "issuer default: 1@a has it, and 2@b has not; issuer spare: 2@b has it, and 1@a has not"},
		"no target": {other: func(s *ports.ProcessSettings) { s.Targets = nil },
			warns: "target web: 1@a has it, and 2@b has not"},
		"no zone": {other: func(s *ports.ProcessSettings) { s.Zones = nil },
			warns: "DNS zone example.net: 1@a has it, and 2@b has not"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			seen, err := compare([]Process{{ID: "1@a", ProcessSettings: all(same)},
				{ID: "2@b", ProcessSettings: all(c.other)}}, all(same))
			var warning caution
			switch {
			case c.fails != "":
				require.ErrorContains(t, err, c.fails)
				require.NotErrorAs(t, err, &warning)
			case c.warns != "":
				require.ErrorContains(t, err, c.warns)
				require.ErrorAs(t, err, &warning)
			default:
				require.NoError(t, err)
				require.Contains(t, seen, "2 of them run on this database")
			}
			seen, err = compare([]Process{{ID: "1@a", ProcessSettings: all(same)}}, all(c.other))
			if c.fails+c.warns == "" {
				require.NoError(t, err)
				require.Contains(t, seen, "1 of them run")
			} else {
				require.ErrorAs(t, err, &warning, "these settings may be a change that is to come")
				require.ErrorContains(t, err, "what runs is configured differently from these settings: ")
			}
		})
	}
	seen, err := compare(nil, all(same))
	require.NoError(t, err)
	require.Equal(t, "no worker process runs", seen)
	var many []Process
	for _, id := range []string{"5", "4", "3", "2", "1"} {
		many = append(many, Process{ID: id, ProcessSettings: all(func(s *ports.ProcessSettings) { s.Zones = nil })})
	}
	_, err = compare(append(many, Process{ID: "6", ProcessSettings: all(same)}), all(same))
	require.ErrorContains(t, err, "DNS zone example.net: 6 has it, and 1, 2, 3 and 2 more has not")
}
