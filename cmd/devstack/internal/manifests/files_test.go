package manifests

import (
	"fmt"
	"path"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// confidential are the fields of a configuration file that hold a secret; a reference to a variable is none.
var confidential = regexp.MustCompile(`(?m)\b(hmacKey|secret):\s*["']?[^$\s"']`)

// fileOf is the configuration file, with the path at which a worker finds it.
func fileOf(b built) map[string]string {
	mounted := map[string]string{}
	for _, w := range workloads(b) {
		for _, v := range w.template.Spec.Volumes {
			for _, m := range w.template.Spec.Containers[0].VolumeMounts {
				for _, c := range all[*corev1.ConfigMap](b) {
					if v.ConfigMap == nil || v.ConfigMap.Name != c.Name || m.Name != v.Name {
						continue
					}
					for name, content := range c.Data {
						mounted[path.Join(m.MountPath, name)] = content
					}
				}
			}
		}
	}
	return mounted
}

// files makes sure that a configuration file is where the worker looks, and that no secret is in it.
func files(b built) (problems []string) {
	mounted := fileOf(b)
	for at, content := range mounted {
		if found := confidential.FindStringSubmatch(content); found != nil {
			problems = append(problems, fmt.Sprintf("%s: %s is a secret in plain text", path.Base(at), found[1]))
		}
	}
	for _, w := range workloads(b) {
		c := w.template.Spec.Containers[0]
		if at := plainOf(c, "EVERLEAF_CONFIG"); at != "" && mounted[at] == "" {
			problems = append(problems, fmt.Sprintf("%s: no ConfigMap is mounted as %s", w.name, at))
		}
		if !slices.ContainsFunc(c.EnvFrom, func(e corev1.EnvFromSource) bool { return e.ConfigMapRef != nil }) {
			problems = append(problems, w.name+" reads no settings")
		}
	}
	return problems
}
