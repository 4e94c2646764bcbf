package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/internal/program"
	"everleaf/domain"
	"everleaf/ports"
)

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	good := Directory{Path: "/etc/everleaf/{name}", Owner: "101:101", Combined: "tls.pem", Command: []string{"true"},
		Timeout: "5s"}
	require.NoError(t, Check([]Config{{Name: "nginx", Directory: &good},
		{Name: "app", Pull: &Pull{Clients: []string{"*"}}}}))
	directory := func(change func(*Directory)) []Config {
		d := good
		change(&d)
		return []Config{{Name: "nginx", Directory: &d}}
	}
	for says, configs := range map[string][]Config{
		`targets[0].name "Nginx"`: {{Name: "Nginx", Directory: &good}},
		`targets[0].name "a@b"`:   {{Name: "a@b", Directory: &good}},
		`targets[1].name "a": the name of targets[0]`: {{Name: "a", Directory: &good},
			{Name: "a", Directory: &good}},
		`targets[0] (a): it has no kind`: {{Name: "a"}},
		`targets[0] (a): it has 2 kinds (directory, pull)`: {{Name: "a", Directory: &good,
			Pull: &Pull{Clients: []string{"*"}}}},
		`targets[0].directory.path "tls/{name}"`:         directory(func(d *Directory) { d.Path = "tls/{name}" }),
		`for example /etc/tls/{name}`:                    directory(func(d *Directory) { d.Path = "/etc/tls" }),
		`for example /etc/all/{name}`:                    directory(func(d *Directory) { d.Path = "/etc/{name}/../all" }),
		`targets[0].directory.path "/etc/{host}/{name}"`: directory(func(d *Directory) { d.Path = "/etc/{host}/{name}" }),
		`targets[0].directory.combined "tls.key"`:        directory(func(d *Directory) { d.Combined = "tls.key" }),
		`targets[0].directory.combined "../a"`:           directory(func(d *Directory) { d.Combined = "../a" }),
		`targets[0].directory.owner "a b"`:               directory(func(d *Directory) { d.Owner = "a b" }),
		`targets[0].directory.command[0] ""`:             directory(func(d *Directory) { d.Command = []string{""} }),
		`targets[0].directory.removeCommand[0] " "`: directory(func(d *Directory) {
			d.Command, d.RemoveCommand = []string{"true"}, []string{" "}
		}),
		`targets[0].directory.timeout "1h": use a time such`: directory(func(d *Directory) { d.Timeout = "1h" }),
	} {
		err := Check(configs)
		require.ErrorContains(t, err, says)
		requireFault(t, err, domain.FaultOperator, "InvalidTargets")
		_, err = New(configs, Deps{})
		require.ErrorContains(t, err, says)
	}
}

func TestAnUnknownTargetListsTheKnown(t *testing.T) {
	t.Parallel()
	d := Directory{Path: "/etc/{name}"}
	targets, err := New([]Config{{Name: "b", Directory: &d}, {Name: "a", Directory: &d}}, Deps{})
	require.NoError(t, err)
	_, err = targets.Target("c")
	require.Contains(t, requireFault(t, err, domain.FaultOperator, "UnknownTarget").Message, `"c" (it has: a, b)`)
	none, err := New(nil, Deps{})
	require.NoError(t, err)
	_, err = none.Target("c")
	require.ErrorContains(t, err, "it has: none")
}

// What a process says of its targets holds no secret, and nothing made from one.
func TestShownHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		shown  ports.Settings
	}{
		{Config{Directory: &Directory{Path: "/etc/{name}", Owner: "www", Command: []string{"sh", "-c", "secret"}}},
			ports.Settings{"kind": "directory", "path": "/etc/{name}", "owner": "www", "command": "sh"}},
		{Config{Directory: &Directory{Path: "/etc/{name}", RemoveCommand: []string{"/bin/reload", "secret"}}},
			ports.Settings{"kind": "directory", "path": "/etc/{name}", "removeCommand": "/bin/reload"}},
		{Config{Webhook: &Webhook{URL: "https://h.example.com/secret?secret=1", Secret: "whsec_secret", Key: KeyNone}},
			ports.Settings{"kind": "webhook", "url": "https://h.example.com", "key": "none"}},
		{Config{Pull: &Pull{Clients: []string{"b", "a"}}}, ports.Settings{"kind": "pull", "clients": "a, b"}},
		{Config{Exec: &Exec{Settings: program.Settings{Command: []string{"/bin/x", "secret"}, Env: []string{"TOKEN"}}}},
			ports.Settings{"kind": "exec", "command": "/bin/x", "env": "TOKEN", "key": "false"}},
		{Config{}, nil},
	} {
		require.Equal(t, c.shown, c.config.Shown())
	}
}
