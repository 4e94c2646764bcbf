package delivery_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/delivery"
	"everleaf/adapters/delivery/targettest"
	"everleaf/adapters/internal/program"
	"everleaf/domain"
	"everleaf/ports"
)

// scripted makes an exec target of a script.
func scripted(t *testing.T, key bool, script string) ports.Target {
	t.Helper()
	return target(t, delivery.Config{Exec: &delivery.Exec{Key: key,
		Settings: program.Settings{Command: []string{"sh", "-c", script}}}},
		delivery.Deps{})
}

// The script is the one that extending.md shows.
func TestExec(t *testing.T) {
	script, err := filepath.Abs("testdata/target.sh")
	require.NoError(t, err)
	targettest.Run(t, func(t *testing.T) targettest.Subject {
		dir := t.TempDir()
		return targettest.Subject{
			Target: target(t, delivery.Config{Exec: &delivery.Exec{Key: true,
				Settings: program.Settings{Command: []string{"env", "TLS_DIR=" + dir, script}}}}, delivery.Deps{}),
			Failing: scripted(t, true, "cat >&2; exit 1"),
			Silent:  scripted(t, true, "sleep 600"),
			Holds: func(_ testing.TB, certificate string) (chainPEM, keyPEM string) {
				chain, key, found := strings.Cut(text(filepath.Join(dir, certificate+".pem")), "-----BEGIN PRIVATE KEY")
				if found {
					key = "-----BEGIN PRIVATE KEY" + key
				}
				return chain, key
			},
		}
	})
}

func TestTheExitCodeSaysWhoseMoveIsNext(t *testing.T) {
	t.Parallel()
	b := targettest.Bundle(t, "shop", 1)
	for script, want := range map[string]string{
		"exit 0": "",
		"echo the appliance restarts >&2; exit 75": "Wait TargetUnavailable: target place: the command sh failed (exit status 75): the appliance restarts",
		"echo no such user >&2; exit 3":            "Operator TargetRefused: target place: the command sh failed (exit status 3): no such user",
		"kill -9 $$":                               "Wait TargetUnavailable: target place: the command sh failed (signal: killed)",
		"cat >&2; exit 2":                          "Operator TargetRefused: target place: the command sh failed (exit status 2); its output is left out, since it holds the private key",
	} {
		confirmation, err := scripted(t, true, script).Deliver(t.Context(), b)
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, "done", confirmation)
			continue
		}
		fault := domain.AsFault(err)
		require.Equal(t, want, string(fault.Kind)+" "+string(fault.Reason)+": "+fault.Message)
		if script != "cat >&2; exit 2" { // a removal has no key
			removal := ports.Removal{Certificate: "shop", Target: "place", Sequence: 2}
			require.EqualError(t, scripted(t, true, script).Remove(t.Context(), removal), err.Error(), "a removal alike")
		}
	}
	gone := target(t, delivery.Config{Exec: &delivery.Exec{
		Settings: program.Settings{Command: []string{"/nowhere/update"}}}}, delivery.Deps{})
	_, err := gone.Deliver(t.Context(), b)
	require.EqualValues(t, "TargetRefused", domain.AsFault(err).Reason)
	require.ErrorContains(t, err, "exec.command")
}

// The key is on the standard input, if the configuration says so, and nowhere else.
func TestTheKeyGoesWhereItIsWanted(t *testing.T) {
	t.Parallel()
	b := targettest.Bundle(t, "shop", 1)
	key := strings.Split(string(b.KeyPEM), "\n")[1]
	for _, wanted := range []bool{true, false} {
		dir := t.TempDir()
		_, err := scripted(t, wanted, "cd "+dir+
			` && cat >input && env >env && tr '\0' '\n' </proc/$$/cmdline >arguments`).Deliver(t.Context(), b)
		require.NoError(t, err)
		for _, file := range []string{"env", "arguments"} {
			content, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			require.NotEmpty(t, content)
			require.NotContains(t, string(content), key)
		}
		input := text(filepath.Join(dir, "input"))
		require.Equal(t, wanted, strings.Contains(input, key))
		require.Equal(t, wanted, strings.Contains(input, "keyPEM"))
		require.Equal(t, 1, strings.Count(input, "\n"), "one line")
		require.Contains(t, input, `"action":"deliver","name":"shop","target":"place","sequence":1,"version":"shop-v1","names":["shop.example"]`)
	}
}

func TestExecSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for says, settings := range map[string]program.Settings{
		"targets[0].exec.command: name a program":           {},
		"targets[0].exec.env[0]: give the name":             {Command: []string{"true"}, Env: []string{"TOKEN=hush"}},
		`targets[0].exec.timeout "2h": use a time such as `: {Command: []string{"true"}, Timeout: "2h"},
	} {
		err := delivery.Check([]delivery.Config{{Name: "place", Exec: &delivery.Exec{Settings: settings}}})
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hush")
	}
}
