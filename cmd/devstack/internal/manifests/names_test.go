package manifests

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func variables(pod corev1.PodSpec, known []string) (problems []string) {
	for _, c := range pod.Containers {
		for _, e := range c.Env {
			problems = append(problems, variable(c.Name, e.Name, known)...)
		}
	}
	return problems
}

// theirs are variables that not Everleaf reads, but the Go runtime or OpenTelemetry.
var theirs = regexp.MustCompile(`^(GOMEMLIMIT|GOMAXPROCS|GODEBUG|TZ|OTEL_[A-Z_]+)$`)

func variable(where, name string, known []string) []string {
	if slices.Contains(known, name) || theirs.MatchString(name) {
		return nil
	}
	return []string{fmt.Sprintf("%s sets %s, which is no setting of the binary", where, name)}
}

var (
	secretName = regexp.MustCompile(`(POSTGRES_URL|PASSWORD|API_KEY|_TOKEN|SECRET|KEY_DATA|HMAC)`)
	secretText = regexp.MustCompile(`PRIVATE KEY-----|base64key://`)
)

// secrets finds what should be a reference to a Secret, and Secrets themselves: theirs is another place.
func secrets(b built, settings map[string]string) (problems []string) {
	for _, s := range all[*corev1.Secret](b) {
		problems = append(problems, "Secret "+s.Name+" is in plain text")
	}
	plain := maps.Clone(settings)
	for _, w := range workloads(b) {
		for _, c := range w.template.Spec.Containers {
			for _, e := range c.Env {
				if e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
					plain[e.Name] = e.Value
				}
			}
			for _, arg := range c.Args {
				plain["argument "+arg] = arg
			}
		}
	}
	for name, value := range plain {
		password := false
		if u, err := url.Parse(value); err == nil && u.User != nil {
			_, password = u.User.Password()
		}
		if secretName.MatchString(name) || secretText.MatchString(value) || password {
			problems = append(problems, name+" is a secret in plain text")
		}
	}
	return problems
}

// reached makes sure that each Service finds pods with its ports, and each Ingress a Service with its port.
func reached(b built) (problems []string) {
	ports := map[string]bool{}
	for _, s := range all[*corev1.Service](b) {
		for _, port := range s.Spec.Ports {
			ports[s.Name+" "+port.Name] = true
			found := false
			for _, d := range all[*appsv1.Deployment](b) {
				labels := d.Spec.Template.Labels
				matches := true
				for k, v := range s.Spec.Selector {
					matches = matches && labels[k] == v
				}
				for _, p := range d.Spec.Template.Spec.Containers[0].Ports {
					found = found || matches && p.Name == port.TargetPort.String()
				}
			}
			if !found {
				problems = append(problems, fmt.Sprintf("Service %s: no pod has its port %s", s.Name,
					port.TargetPort.String()))
			}
		}
	}
	for _, i := range all[*networkingv1.Ingress](b) {
		for _, rule := range i.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				if to := path.Backend.Service; path.Path != "/.well-known/acme-challenge/" ||
					!ports[to.Name+" "+to.Port.Name] {
					problems = append(problems,
						fmt.Sprintf("Ingress %s leads %s to %s %s", i.Name, path.Path, to.Name, to.Port.Name))
				}
			}
		}
	}
	return problems
}

// hostOf is the host of a URL or of host:port.
func hostOf(address string) string {
	if !strings.Contains(address, "://") {
		address = "tcp://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
