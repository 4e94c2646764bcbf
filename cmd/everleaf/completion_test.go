package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func (b *bench) completes(t *testing.T, words ...string) string {
	t.Helper()
	b.out.buf.Reset()
	b.exits(t, exitOK, b.run(t.Context(), append([]string{completeCommand}, words...)...))
	require.Empty(t, b.err.String())
	return strings.Join(strings.Fields(b.out.String()), " ")
}

func TestComplete(t *testing.T) {
	b := newBench(t)
	for line, want := range map[string]string{
		"ver|":                              "version",
		"cert re|":                          "renew retire revoke",
		"cert list --st|":                   "--start-timeout --state",
		"cert list --state |":               "Failing Issuing Ready Released Retiring Revoked",
		"cert list --state Re|":             "Ready Released Retiring Revoked",
		"cert list --state=Re|":             "--state=Ready --state=Released --state=Retiring --state=Revoked",
		"cert list --state = Re|":           "Ready Released Retiring Revoked",
		"cert list -o |":                    "json table wide",
		"cert list --all --state F|":        "Failing",
		"--log-format json cert list --wa|": "--watch",
		"cert ensure shop --key-type rsa-|": "rsa-2048 rsa-3072 rsa-4096",
		"cert ensure shop --name |":         "",
		"cert ensure |":                     "",
		"completion |":                      "bash fish zsh",
		"completion bash |":                 "",
	} {
		require.Equal(t, want, b.completes(t, strings.Split(strings.TrimSuffix(line, "|"), " ")...), line)
	}
	require.Contains(t, b.completes(t), "cert")
	require.Contains(t, b.completes(t, "nothing", "of", "the", "--kind", ""), "cert",
		"what is wrong is not this command's to say")
	require.NotContains(t, b.completes(t, ""), completeCommand)
}

// TestMain lets the test binary be everleaf for the shell.
func TestMain(m *testing.M) {
	if os.Getenv("EVERLEAF_TEST_IS_EVERLEAF") != "" {
		_ = os.Unsetenv("EVERLEAF_TEST_IS_EVERLEAF")
		os.Exit(start(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A real bash sources the script and completes lines with it.
func TestCompletionInBash(t *testing.T) {
	clean(t)
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "everleaf")))
	// What readline does at a tab.
	const tab = `
		set -u
		source <(everleaf completion bash)
		tab() {
			COMP_WORDS=(everleaf "$@") COMP_CWORD=$#
			COMPREPLY=()
			"$(complete -p everleaf | grep -o '_everleaf')" everleaf "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
			echo "$*: ${COMPREPLY[*]}"
		}
		tab cert ex
		tab cert list --state Re
		tab cert list --state = F
		tab cert list --expiring
		tab completion z
		tab cert ensure shop --name x
	`
	bash := exec.Command("bash", "--norc", "-c", tab)
	bash.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "EVERLEAF_TEST_IS_EVERLEAF=yes")
	out, err := bash.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, `cert ex: explain export
cert list --state Re: Ready Released Retiring Revoked
cert list --state = F: Failing
cert list --expiring: --expiring-within
completion z: zsh
cert ensure shop --name x: `, strings.TrimRight(string(out), "\n"))
}

func TestCompletionScripts(t *testing.T) {
	for shell, has := range map[string]string{"bash": "complete -o default -F _everleaf everleaf",
		"zsh": "#compdef everleaf", "fish": "complete -c everleaf"} {
		b := newBench(t)
		b.exits(t, exitOK, b.run(t.Context(), "completion", shell))
		require.Contains(t, b.out.String(), has)
		require.Contains(t, b.out.String(), "everleaf "+completeCommand)
	}
	b := newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), "completion", "csh"))
}
