package manifests

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"istio.io/api/annotation"
	"istio.io/api/label"
	networking "istio.io/api/networking/v1"
	security "istio.io/api/security/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// istio is one of Istio's objects. Istio's own client types skip unknown fields; so the spec is decoded here.
type istio struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              json.RawMessage `json:"spec"`
	message           proto.Message
}

func decodeIstio(document []byte) (metav1.Object, error) {
	asJSON, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, err
	}
	object := &istio{}
	strict, err := kjson.UnmarshalStrict(asJSON, object)
	if err != nil || len(strict) > 0 {
		return nil, fmt.Errorf("%w %v", err, strict)
	}
	for kind, message := range map[string]proto.Message{
		"networking.istio.io/v1 DestinationRule":  &networking.DestinationRule{},
		"networking.istio.io/v1 Gateway":          &networking.Gateway{},
		"networking.istio.io/v1 ServiceEntry":     &networking.ServiceEntry{},
		"networking.istio.io/v1 VirtualService":   &networking.VirtualService{},
		"security.istio.io/v1 PeerAuthentication": &security.PeerAuthentication{},
	} {
		if kind == object.APIVersion+" "+object.Kind {
			object.message = message
			return object, protojson.Unmarshal(object.Spec, message)
		}
	}
	return nil, fmt.Errorf("no strict type for %s %s", object.APIVersion, object.Kind)
}

// linkerd are the annotations that are used here; the source is Linkerd's reference of the proxy's configuration.
var linkerd = []string{
	"linkerd.io/inject",
	"config.alpha.linkerd.io/proxy-wait-before-exit-seconds",
	"config.beta.linkerd.io/proxy-enable-native-sidecar",
	"config.linkerd.io/default-inbound-policy",
	"config.linkerd.io/opaque-ports",
	"config.linkerd.io/proxy-await",
	"config.linkerd.io/skip-outbound-ports",
}

// meshKeys finds annotations and labels for a mesh that no mesh knows: they would do nothing, and nobody would say so.
func meshKeys(b built) (problems []string) {
	annotations, labels := map[string]bool{}, map[string]bool{}
	for _, known := range annotation.AllResourceAnnotations() {
		annotations[known.Name] = true
	}
	for _, known := range label.AllResourceLabels() {
		labels[known.Name] = true
	}
	for _, name := range linkerd {
		annotations[name] = true
	}
	check := func(where, what string, known map[string]bool, keys map[string]string) {
		for key := range keys {
			domain, _, _ := strings.Cut(key, "/")
			if (strings.HasSuffix(domain, "istio.io") || strings.HasSuffix(domain, "linkerd.io")) && !known[key] {
				problems = append(problems, fmt.Sprintf("%s: no mesh knows the %s %s", where, what, key))
			}
		}
	}
	for _, w := range workloads(b) {
		check(w.name, "annotation", annotations, w.template.Annotations)
		check(w.name, "label", labels, w.template.Labels)
	}
	for _, object := range b.objects {
		check(object.GetName(), "annotation", annotations, object.GetAnnotations())
	}
	return problems
}

// sidecars finds pods that the mesh forgets, and a migration that would never end: beside a sidecar that is not native.
func sidecars(b built) (problems []string) {
	native := func(w workload) bool {
		return w.template.Annotations["sidecar.istio.io/nativeSidecar"] == "true" ||
			w.template.Annotations["config.beta.linkerd.io/proxy-enable-native-sidecar"] == "true"
	}
	meshed := len(meshes(b)) > 0
	for _, w := range workloads(b) {
		switch job := strings.HasPrefix(w.name, "Job "); {
		case meshed && !job && !injected(w):
			problems = append(problems, w.name+" is not in the mesh")
		case job && injected(w) && !native(w):
			problems = append(problems, w.name+" never ends beside its sidecar")
		}
	}
	return problems
}

// istioRoutes finds routes to the outside whose names do not say what Istio shall take them for, services that nobody
// serves, and a CA that is not let out to.
func istioRoutes(b built, settings map[string]string) (problems []string) {
	services := map[string]*corev1.Service{}
	for _, service := range all[*corev1.Service](b) {
		services[service.Name] = service
	}
	var hosts []string
	for _, object := range all[*istio](b) {
		switch spec := object.message.(type) {
		case *networking.ServiceEntry:
			hosts = append(hosts, spec.Hosts...)
			for _, port := range spec.Ports {
				if prefix, _, _ := strings.Cut(port.Name, "-"); prefix != strings.ToLower(port.Protocol) {
					problems = append(problems,
						fmt.Sprintf("ServiceEntry %s: port %s says %s", object.Name, port.Name, port.Protocol))
				}
			}
		case *networking.VirtualService:
			for _, route := range spec.Http {
				for _, to := range route.Route {
					host, number := to.Destination.Host, to.Destination.GetPort().GetNumber()
					if !strings.Contains(host, ".") && !serves(services[host], number) {
						problems = append(problems,
							fmt.Sprintf("VirtualService %s: no Service %s with port %d", object.Name, host, number))
					}
					if host == hostOf(settings["TEMPORAL_ADDRESS"]) {
						if limit := route.Timeout; limit == nil || limit.Seconds > 0 && limit.Seconds <= 70 {
							problems = append(problems,
								fmt.Sprintf("VirtualService %s: a timeout of %v cuts long polls", object.Name, limit))
						}
						if route.Retries == nil || route.Retries.Attempts != 0 {
							problems = append(problems,
								fmt.Sprintf("VirtualService %s: polls are repeated", object.Name))
						}
					}
				}
			}
		}
	}
	if len(all[*istio](b)) > 0 {
		if ca := hostOf(settings["EVERLEAF_ACME_DIRECTORY"]); !slices.Contains(hosts, ca) {
			problems = append(problems, "no ServiceEntry lets the worker out to the CA "+ca)
		}
		temporal := hostOf(settings["TEMPORAL_ADDRESS"])
		if !strings.HasSuffix(temporal, ".svc.cluster.local") && !slices.Contains(hosts, temporal) {
			problems = append(problems, "no ServiceEntry lets the worker out to Temporal at "+temporal)
		}
	}
	return problems
}

func serves(service *corev1.Service, number uint32) bool {
	if service != nil {
		for _, port := range service.Spec.Ports {
			if uint32(port.Port) == number {
				return true
			}
		}
	}
	return false
}
