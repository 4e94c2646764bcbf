package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const (
	repository = "../../../.."
	deploy     = repository + "/cmd/everleaf/deploy/kustomize"
)

// fileMap is what a user adds for a configuration file.
const fileMap = "\nconfigMapGenerator: [{name: everleaf-config, files: [everleaf.yaml]}]"

// targets are what a user may build: the base, each overlay, and the components on top.
var targets = map[string]string{
	"base":                        "resources: [../base]",
	"base with a file":            "resources: [../base]\ncomponents: [../components/config-file]" + fileMap,
	"istio":                       "resources: [../overlays/istio]",
	"istio with a file":           "resources: [../overlays/istio]\ncomponents: [../components/config-file]" + fileMap,
	"linkerd":                     "resources: [../overlays/linkerd]",
	"base with components":        "resources: [../base]\ncomponents: [../components/ingress, ../components/network-policy]",
	"istio, others outside":       "resources: [../overlays/istio]\ncomponents: [../components/istio-outside]",
	"istio with classic sidecars": "resources: [../overlays/istio]\ncomponents: [../components/istio-classic-sidecar]",
	"linkerd, classic sidecars":   "resources: [../overlays/linkerd]\ncomponents: [../components/linkerd-classic-sidecar]",
}

func TestManifests(t *testing.T) {
	for name, kustomization := range targets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, problems := build(tree(t, kustomization), "/mine")
			for _, problem := range append(problems, checkAll(b, binary.known)...) {
				t.Error(problem)
			}
			if len(workloads(b)) != 3 {
				t.Errorf("%d workloads, want the worker, the responder and the migration", len(workloads(b)))
			}
		})
	}
}

// Each folder with a kustomization is a target, or part of one.
func TestEveryFolderIsChecked(t *testing.T) {
	all := strings.Join(slices.Collect(func(yield func(string) bool) {
		for _, k := range targets {
			yield(k)
		}
	}), "\n")
	found, err := filepath.Glob(deploy + "/*/*/kustomization.yaml")
	if err != nil || len(found) < 5 {
		t.Fatalf("found %v, %v", found, err)
	}
	for _, file := range found {
		folder, _ := filepath.Rel(deploy, filepath.Dir(file))
		if !strings.Contains(all, "../"+folder) {
			t.Errorf("%s is in no target", folder)
		}
	}
}

// A check that finds nothing wrong must be able to.
func TestMistakesAreFound(t *testing.T) {
	for _, c := range []struct {
		name, target, file, old, new, says string
	}{
		{"a field that does not exist", "base", "base/worker.yaml", "readOnlyRootFilesystem:",
			"readonlyRootFilesystem:", `unknown field "spec.template.spec.containers[0].securityContext.readonlyRootFilesystem"`},
		{"a field of another kind", "base", "base/responder.yaml", "maxUnavailable: 1", "maxSurge: 1",
			`unknown field "spec.maxSurge"`},
		{"a field twice", "base", "base/metrics.yaml", "clusterIP: None", "clusterIP: None\n  clusterIP: None",
			"clusterIP"},
		{"a number that is none", "base", "base/worker.yaml", "replicas: 2", "replicas: two", "replicas"},
		{"an API that does not exist", "base", "base/migrate.yaml", "batch/v1", "batch/v3", "batch/v3"},
		{"a field that Istio does not have", "istio", "overlays/istio/temporal.yaml", "attempts: 0", "attempt: 0",
			"attempt"},
		{"an Istio annotation that does not exist", "istio", "overlays/istio/sidecar.yaml", "nativeSidecar",
			"nativeSideCar", "sidecar.istio.io/nativeSideCar"},
		{"a Linkerd annotation that does not exist", "linkerd", "overlays/linkerd/proxy.yaml", "skip-outbound-ports: ",
			"skip-outgoing-ports: ", "skip-outgoing-ports"},
		{"a variable that does not exist", "base", "base/settings.env", "EVERLEAF_LOG_FORMAT", "EVERLEAF_LOGFORMAT",
			"EVERLEAF_LOGFORMAT, which is no setting"},
		{"a password in a URL", "base", "base/settings.env", "temporal-frontend", "tcp://u:p@temporal-frontend",
			"TEMPORAL_ADDRESS is a secret in plain text"},
		{"the database as a setting", "base", "base/settings.env", "EVERLEAF_LOG_FORMAT=json",
			"EVERLEAF_POSTGRES_URL=postgres://db/everleaf", "EVERLEAF_POSTGRES_URL is a secret in plain text"},
		{"an API key in the manifest", "base", "base/worker.yaml",
			"              valueFrom:\n                secretKeyRef:\n                  name: everleaf-temporal\n                  key: api-key\n                  optional: true\n", "              value: k\n", "TEMPORAL_API_KEY is a secret in plain text"},
		{"a Secret", "base", "base/serviceaccount.yaml", "apiVersion: v1\n",
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n---\napiVersion: v1\n",
			"Secret s is in plain text"},
		{"root", "base", "base/worker.yaml", "runAsUser: 65532", "runAsUser: 0", "does not run as 65532"},
		{"a writable root", "base", "base/migrate.yaml", "readOnlyRootFilesystem: true",
			"readOnlyRootFilesystem: false", "can write to its root"},
		{"a key for all", "base", "base/worker.yaml", "defaultMode: 0440", "defaultMode: 0444",
			"not for the group alone"},
		{"a registry", "base", "base/worker.yaml", "image: everleaf", "image: registry.example.com/everleaf:1",
			"names no registry"},
		{"a short grace period", "base", "base/worker.yaml", "terminationGracePeriodSeconds: 45",
			"terminationGracePeriodSeconds: 29", "is less than EVERLEAF_STOP_TIMEOUT"},
		{"a wrong grace period in the settings", "base", "base/settings.env", "GRACE_PERIOD=45s", "GRACE_PERIOD=60s",
			"EVERLEAF_TERMINATION_GRACE_PERIOD 1m0s"},
		{"another probe", "base", "base/responder.yaml", "/readyz", "/healthz", "readiness probe"},
		{"another port", "base", "base/responder.yaml", "containerPort: 8402", "containerPort: 8080",
			"port http01 is 8080"},
		{"a hook that runs a program", "base", "base/responder.yaml",
			"              sleep:\n                seconds: 5",
			"              exec:\n                command: [sleep, \"5\"]", "no program"},
		{"a responder that leaves at once", "base", "base/responder.yaml",
			"          lifecycle:\n            preStop:\n              sleep:\n                seconds: 5\n", "",
			"is called by others: true"},
		{"an impatient startup probe", "base", "base/settings.env", "START_TIMEOUT=30s", "START_TIMEOUT=60s",
			"the startup probe gives up after 1m30s"},
		{"a role that nobody has", "base", "base/worker.yaml", "authorization,nexus", "authorization",
			"the Deployments have the roles"},
		{"a Service without pods", "base", "base/responder.yaml", "targetPort: http01", "targetPort: http",
			"no pod has its port http"},
		{"a memory limit that moved", "base", "base/worker.yaml", "memory: 512Mi", "memory: 2Gi", "GOMEMLIMIT"},
		{"a migration that never ends", "istio", "overlays/istio/sidecar.yaml", `nativeSidecar: "true"`,
			`nativeSidecar: "false"`, "never ends"},
		{"a worker outside of the mesh", "linkerd", "overlays/linkerd/kustomization.yaml",
			"kind: Deployment\n  - path: proxy", "kind: Deployment\n      name: everleaf-responder\n  - path: proxy",
			"Deployment everleaf-worker is not in the mesh"},
		{"a credential in the file", "base with a file", "mine/everleaf.yaml", "preset: letsencrypt",
			"preset: zerossl\n    eab: {keyID: \"${A}\", hmacKey: abcd}",
			"everleaf.yaml: hmacKey is a secret in plain text"},
		{"a file that is not there", "base with a file", "components/config-file/worker.yaml", "config/everleaf.yaml",
			"config/issuers.yaml", "no ConfigMap is mounted as /etc/everleaf/config/issuers.yaml"},
		{"a file for all", "base with a file", "components/config-file/worker.yaml", "defaultMode: 0440",
			"defaultMode: 0444", "not for the group alone"},
		{"a file's settings lost", "base with a file", "components/config-file/worker.yaml",
			"            - configMapRef:\n                name: everleaf-settings\n", "", "reads no settings"},
		{"polls cut", "istio", "overlays/istio/temporal.yaml", "timeout: 0s", "timeout: 15s", "cuts long polls"},
		{"another CA", "istio", "base/settings.env", "https://acme-v02", "https://acme-v03",
			"lets the worker out to the CA"},
		{"a port that misleads Istio", "istio", "overlays/istio/egress.yaml", "name: tls-acme", "name: grpc-acme",
			"says TLS"},
		{"a way to the metadata service", "istio", "components/network-policy/egress.yaml", "              - 169.254.0.0/16\n",
			"", "Deployment everleaf-worker may call 169.254.169.254:80"},
		{"a way to neighbours in IPv6", "linkerd", "components/network-policy/egress.yaml", "2000::/3", "::/0",
			"Deployment everleaf-worker may call [fd00::1]:443"},
		{"no way to a CA", "istio", "components/network-policy/egress.yaml", "        - port: 443\n", "",
			"Deployment everleaf-worker may not call 1.1.1.1:443"},
		{"a responder that calls out", "istio", "components/network-policy/egress.yaml",
			"      app.kubernetes.io/component: worker\n  policyTypes", "  policyTypes",
			"Deployment everleaf-responder may call 1.1.1.1:443"},
		{"nothing that limits calls", "istio", "overlays/istio/kustomization.yaml",
			"components:\n  - ../../components/network-policy\n", "", "Deployment everleaf-worker may call 169.254.169.254:80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fs := tree(t, targets[c.target])
			content, err := fs.ReadFile("/" + c.file)
			if err != nil || !strings.Contains(string(content), c.old) {
				t.Fatalf("%s has no %q (%v)", c.file, c.old, err)
			}
			if err := fs.WriteFile("/"+c.file, []byte(strings.Replace(string(content), c.old, c.new, 1))); err != nil {
				t.Fatal(err)
			}
			b, problems := build(fs, "/mine")
			problems = append(problems, checkAll(b, binary.known)...)
			if !strings.Contains(strings.Join(problems, "\n"), c.says) {
				t.Errorf("found %q, but nothing with %q", problems, c.says)
			}
		})
	}
}

// tree is a copy of the files in memory, with one kustomization of a user's own in /mine.
func tree(t *testing.T, kustomization string) filesys.FileSystem {
	t.Helper()
	fs := filesys.MakeFsInMemory()
	err := filepath.WalkDir(deploy, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(deploy, path)
		if err != nil {
			return err
		}
		return fs.WriteFile("/"+relative, content)
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/everleaf.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.WriteFile("/mine/everleaf.yaml", file); err != nil {
		t.Fatal(err)
	}
	if err := fs.WriteFile("/mine/kustomization.yaml", []byte("kind: Kustomization\n"+kustomization+"\n")); err != nil {
		t.Fatal(err)
	}
	return fs
}
