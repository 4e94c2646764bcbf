package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// binary is Everleaf as it is in this tree, and the variables that it says it reads.
var binary struct {
	path  string
	known []string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "everleaf-manifests")
	if err == nil {
		err = buildBinary(dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var variableName = regexp.MustCompile(`\b(EVERLEAF|TEMPORAL)_[A-Z0-9_]+[A-Z0-9]\b`)

func buildBinary(dir string) error {
	binary.path = filepath.Join(dir, "everleaf")
	if out, err := exec.Command("go", "-C", repository, "build", "-o", binary.path,
		"./cmd/everleaf").CombinedOutput(); err != nil {
		return fmt.Errorf("build everleaf: %w\n%s", err, out)
	}
	for _, command := range []string{"worker", "migrate"} {
		out, err := exec.Command(binary.path, command, "--help").CombinedOutput()
		if err != nil {
			return fmt.Errorf("everleaf %s --help: %w\n%s", command, err, out)
		}
		binary.known = append(binary.known, variableName.FindAllString(string(out), -1)...)
	}
	slices.Sort(binary.known)
	binary.known = slices.Compact(binary.known)
	return nil
}

// Each container's command takes the settings that it gets there: it goes as far as Postgres, which is not there.
func TestSettingsAreTaken(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "sealing.key")
	if err := os.WriteFile(key, []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"base", "base with a file"} {
		b, problems := build(tree(t, targets[target]), "/mine")
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, w := range workloads(b) {
			t.Run(target+"/"+w.name, func(t *testing.T) {
				t.Parallel()
				taken(t, b, w.template.Spec.Containers[0], key)
			})
		}
	}
}

func taken(t *testing.T, b built, c corev1.Container, key string) {
	t.Helper()
	env := []string{"HOME=" + t.TempDir()}
	for name, value := range settingsOf(b) {
		env = append(env, name+"="+value)
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			env = append(env, e.Name+"="+e.Value)
		}
	}
	if at := plainOf(c, "EVERLEAF_CONFIG"); at != "" {
		file := filepath.Join(t.TempDir(), filepath.Base(at))
		if err := os.WriteFile(file, []byte(fileOf(b)[at]), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, "EVERLEAF_CONFIG="+file)
	}
	// What is not in the manifests, and what makes it short; the last one holds.
	env = append(env, "EVERLEAF_POSTGRES_URL=postgres://u@127.0.0.1:1/d", "EVERLEAF_START_TIMEOUT=1s",
		"EVERLEAF_OPS_LISTEN=127.0.0.1:0", "EVERLEAF_HTTP01_LISTEN=127.0.0.1:0")
	if mountsKey(c) {
		env = append(env, "EVERLEAF_SEALING_KEY=file://"+key)
	}
	cmd := exec.CommandContext(t.Context(), binary.path, c.Args...)
	var said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &said, &said
	err := cmd.Run()
	if !errors.As(err, new(*exec.ExitError)) || !strings.Contains(said.String(), "DatabaseUnreachable") ||
		strings.Contains(said.String(), "warning") {
		t.Errorf("%v; it said:\n%s", err, &said)
	}
}

func mountsKey(c corev1.Container) bool {
	return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == "sealing" })
}
