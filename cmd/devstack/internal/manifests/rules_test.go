package manifests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// The names that Everleaf's other parts agree on.
const (
	opsPort, http01Port = 8401, 8402
	image               = "everleaf"
	user                = 65532
	// stopMargin is what the process takes beyond EVERLEAF_STOP_TIMEOUT at most.
	stopMargin = 5 * time.Second
)

// workload is a pod template and what makes pods of it.
type workload struct {
	name     string
	template corev1.PodTemplateSpec
}

func workloads(b built) (list []workload) {
	for _, d := range all[*appsv1.Deployment](b) {
		list = append(list, workload{"Deployment " + d.Name, d.Spec.Template})
	}
	for _, j := range all[*batchv1.Job](b) {
		list = append(list, workload{"Job " + j.Name, j.Spec.Template})
	}
	return list
}

// settingsOf are the plain settings.
func settingsOf(b built) map[string]string {
	settings := map[string]string{}
	for _, c := range all[*corev1.ConfigMap](b) {
		if strings.HasPrefix(c.Name, "everleaf-settings-") { // a hash follows
			maps.Copy(settings, c.Data)
		}
	}
	return settings
}

// checkAll names all that is wrong with what was built. known are the variables that the binary reads.
func checkAll(b built, known []string) (problems []string) {
	settings := settingsOf(b)
	for _, w := range workloads(b) {
		for _, p := range slices.Concat(confined(w.template.Spec), stops(w.template.Spec, settings),
			probed(w, settings), remembers(w.template.Spec),
			variables(w.template.Spec, known)) {
			problems = append(problems, w.name+": "+p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		problems = append(problems, variable("ConfigMap", name, known)...)
	}
	return slices.Concat(problems, divided(b), secrets(b, settings), files(b), reached(b), meshKeys(b), sidecars(b),
		istioRoutes(b, settings), egress(b))
}

// confined is the restricted Pod Security Standard, and more: the user by number, a read-only root, no token, an image
// that names no registry.
func confined(pod corev1.PodSpec) (problems []string) {
	want := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	yes, no := func(b *bool) bool { return b != nil && *b }, func(b *bool) bool { return b != nil && !*b }
	is := func(n *int64) bool { return n != nil && *n == user }
	s := pod.SecurityContext
	want(s != nil && yes(s.RunAsNonRoot) && is(s.RunAsUser) && is(s.RunAsGroup) && is(s.FSGroup),
		"does not run as %d, which is not root", user)
	want(s != nil && s.SeccompProfile != nil && s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"has no seccomp profile")
	want(no(pod.AutomountServiceAccountToken), "gets a token for Kubernetes")
	want(no(pod.EnableServiceLinks), "gets a variable for each Service")
	want(!pod.HostNetwork && !pod.HostPID && !pod.HostIPC, "shares the host's namespaces")
	want(len(pod.Containers) == 1 && len(pod.InitContainers) == 0,
		"has other containers than one: they are not checked")
	for _, v := range pod.Volumes {
		want(v.Secret != nil || v.ConfigMap != nil, "volume %s is neither Secret nor ConfigMap", v.Name)
		want(v.Secret == nil || v.Secret.DefaultMode != nil && *v.Secret.DefaultMode == 0o440,
			"volume %s is not for the group alone (0440)", v.Name)
		want(v.ConfigMap == nil || v.ConfigMap.DefaultMode != nil && *v.ConfigMap.DefaultMode == 0o440,
			"volume %s is not for the group alone (0440)", v.Name)
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		want(s != nil && yes(s.ReadOnlyRootFilesystem), "%s can write to its root", c.Name)
		want(s != nil && no(s.AllowPrivilegeEscalation) && !yes(s.Privileged) && s.RunAsUser == nil &&
			s.RunAsNonRoot == nil, "%s can gain privileges", c.Name)
		want(s != nil && s.Capabilities != nil && slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) &&
			len(s.Capabilities.Add) == 0,
			"%s has capabilities", c.Name)
		want(c.Image == image, "%s: image %q, want %q, which names no registry", c.Name, c.Image, image)
		hook := c.Lifecycle
		want(hook == nil || hook.PostStart == nil && hook.PreStop != nil && hook.PreStop.Sleep != nil,
			"%s has a hook for which the image has no program", c.Name)
		for _, m := range c.VolumeMounts {
			want(m.ReadOnly, "mount %s is writable", m.Name)
		}
	}
	return problems
}

// stops compares the grace period with the binary's own budget.
func stops(pod corev1.PodSpec, settings map[string]string) (problems []string) {
	if pod.TerminationGracePeriodSeconds == nil {
		return []string{"has no terminationGracePeriodSeconds"}
	}
	grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
	stop, err := time.ParseDuration(settings["EVERLEAF_STOP_TIMEOUT"])
	if err != nil {
		return []string{"EVERLEAF_STOP_TIMEOUT: " + err.Error()}
	}
	if given, err := time.ParseDuration(settings["EVERLEAF_TERMINATION_GRACE_PERIOD"]); err != nil || given != grace {
		problems = append(problems, fmt.Sprintf("terminationGracePeriodSeconds is %s, EVERLEAF_TERMINATION_GRACE_PERIOD %s (%v)", grace, given, err))
	}
	for _, c := range pod.Containers {
		// What others call goes on answering until they have heard of its end.
		slept := c.Lifecycle != nil && c.Lifecycle.PreStop != nil && c.Lifecycle.PreStop.Sleep != nil
		if slept {
			stop += time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		}
		if called := strings.Contains(plainOf(c, "EVERLEAF_ROLES"), "responder"); called != slept {
			problems = append(problems, fmt.Sprintf("sleeps before it stops: %t; is called by others: %t", slept,
				called))
		}
	}
	if grace < stop+stopMargin {
		problems = append(problems, fmt.Sprintf("terminationGracePeriodSeconds %s is less than EVERLEAF_STOP_TIMEOUT with preStop, %s, and %s", grace, stop, stopMargin))
	}
	return problems
}

// probed looks at the ports and probes of what goes on running.
func probed(w workload, settings map[string]string) (problems []string) {
	if strings.HasPrefix(w.name, "Job ") {
		return nil
	}
	c := w.template.Spec.Containers[0]
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	if ports["ops"] != opsPort {
		problems = append(problems, fmt.Sprintf("port ops is %d, want %d", ports["ops"], opsPort))
	}
	if roles := plainOf(c, "EVERLEAF_ROLES"); strings.Contains(roles, "responder") != (ports["http01"] == http01Port) {
		problems = append(problems, fmt.Sprintf("port http01 is %d with roles %q", ports["http01"], roles))
	}
	if start, err := time.ParseDuration(settings["EVERLEAF_START_TIMEOUT"]); err == nil && c.StartupProbe != nil {
		limit := time.Duration(c.StartupProbe.PeriodSeconds*c.StartupProbe.FailureThreshold) * time.Second
		if limit < 2*start+stopMargin {
			problems = append(problems, fmt.Sprintf("the startup probe gives up after %s; Postgres and Temporal may take %s each", limit, start))
		}
	}
	for name, probe := range map[string]struct {
		*corev1.Probe
		path string
	}{"startup": {c.StartupProbe, "/livez"}, "liveness": {c.LivenessProbe, "/livez"},
		"readiness": {c.ReadinessProbe, "/readyz"}} {
		if probe.Probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != probe.path ||
			probe.HTTPGet.Port.String() != "ops" {
			problems = append(problems, fmt.Sprintf("the %s probe does not get %s from port ops", name, probe.path))
		}
	}
	return problems
}

// divided makes sure that each role is somebody's, and only once.
func divided(b built) []string {
	var roles []string
	for _, d := range all[*appsv1.Deployment](b) {
		roles = append(roles, strings.Split(plainOf(d.Spec.Template.Spec.Containers[0], "EVERLEAF_ROLES"), ",")...)
	}
	slices.Sort(roles)
	want := []string{"authorization", "nexus", "responder", "workflows"}
	if len(fileOf(b)) > 0 { // only a configuration file has targets
		want = []string{"authorization", "delivery", "nexus", "responder", "workflows"}
	}
	if !slices.Equal(roles, want) {
		return []string{fmt.Sprintf("the Deployments have the roles %q, want %q", roles, want)}
	}
	return nil
}

func plainOf(c corev1.Container, name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// remembers compares GOMEMLIMIT with the limit: too near, and the kernel is first; too far, and memory lies idle.
func remembers(pod corev1.PodSpec) (problems []string) {
	for _, c := range pod.Containers {
		limit := c.Resources.Limits.Memory()
		for _, e := range c.Env {
			if e.Name != "GOMEMLIMIT" {
				continue
			}
			soft, err := resource.ParseQuantity(strings.TrimSuffix(e.Value, "B")) // Go writes MiB, Kubernetes Mi
			if share := soft.AsApproximateFloat64() / limit.AsApproximateFloat64(); err == nil && share > 0.85 &&
				share < 0.95 {
				return nil
			}
			return []string{fmt.Sprintf("GOMEMLIMIT %s is not nine tenths of the limit %s (%v)", e.Value, limit, err)}
		}
	}
	return []string{"has no GOMEMLIMIT"}
}
