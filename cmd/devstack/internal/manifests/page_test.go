package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// The kustomizations of the page on Kubernetes build, as a user would write them beside a checkout: the first alone, and
// with what the page adds for a configuration file.
func TestKustomizationsOfThePageBuild(t *testing.T) {
	page, err := os.ReadFile(repository + "/cmd/everleaf/docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("the page has %d kustomizations", len(blocks))
	}
	stands := strings.NewReplacer("<where you push it>", "registry.example.com/everleaf", "<version>", "1.0.0")
	first := stands.Replace(blocks[0][1])
	withFile := strings.Replace(first, "components: [",
		"components: [../everleaf/cmd/everleaf/deploy/kustomize/components/config-file, ", 1)
	withFile += strings.TrimPrefix(blocks[1][1], "configMapGenerator:\n")
	withFile = strings.Replace(withFile, ", EVERLEAF_ACME_EMAIL=you@example.com", "", 1) // the file takes its place
	for name, kustomization := range map[string]string{"the first": first, "with a file": withFile} {
		b, problems := build(checkout(t, kustomization), "/mine")
		for _, problem := range append(problems, checkAll(b, binary.known)...) {
			if !strings.Contains(problem, "names no registry") { // which the user's image does
				t.Errorf("%s: %s\n%s", name, problem, kustomization)
			}
		}
		if len(workloads(b)) != 3 {
			t.Errorf("%s: %d workloads", name, len(workloads(b)))
		}
	}
}

// checkout is a folder of the user's beside a checkout of the repository.
func checkout(t *testing.T, kustomization string) filesys.FileSystem {
	t.Helper()
	fs := filesys.MakeFsInMemory()
	write := func(path string, content []byte) {
		if err := fs.WriteFile(path, content); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(deploy, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		relative, _ := filepath.Rel(repository, path)
		write("/everleaf/"+relative, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	write("/mine/kustomization.yaml", []byte(kustomization))
	write("/mine/everleaf.yaml", []byte("issuers: [{name: default, preset: letsencrypt}]\n"))
	return fs
}
