package manifests

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// calls are what a workload needs, and what it must not get at. A neighbour is reached at the ports of what Everleaf
// depends on, and at those of the mesh.
var calls = []struct {
	address string
	by      []string // workloads; the others must not
}{
	{"10.1.2.3:53", []string{"worker", "responder", "migrate"}},
	{"10.1.2.3:5432", []string{"worker", "responder", "migrate"}},
	{"10.1.2.3:15012", []string{"worker", "responder", "migrate"}},
	{"10.1.2.3:7233", []string{"worker", "migrate"}},
	{"1.1.1.1:443", []string{"worker"}},
	{"1.1.1.1:80", []string{"worker"}},
	{"[2606:4700:4700::1111]:80", []string{"worker"}},
	{"1.1.1.1:22", nil},
	{"1.1.1.1:8080", nil},
	{"169.254.169.254:8080", nil},
	{"169.254.169.254:80", nil},
	{"168.63.129.16:80", nil},
	{"[fd00:ec2::254]:80", nil},
	{"[fd00::1]:443", nil},
	{"10.1.2.3:80", nil},
	{"10.1.2.3:443", nil},
	{"192.168.1.1:443", nil},
	{"127.0.0.1:80", nil},
}

// inCluster are the pods' addresses, for what is tried here.
var inCluster = netip.MustParsePrefix("10.0.0.0/8")

// egress finds calls that network policies let through and should not, and the reverse, where there are any policies, or
// a mesh.
func egress(b built) (problems []string) {
	policies := all[*networkingv1.NetworkPolicy](b)
	if len(policies) == 0 && len(meshes(b)) == 0 {
		return nil
	}
	for _, w := range workloads(b) {
		component := w.template.Labels["app.kubernetes.io/component"]
		for _, call := range calls {
			needs, may := slices.Contains(call.by, component), reaches(policies, w.template.Labels, call.address)
			switch {
			case may && !needs:
				problems = append(problems, fmt.Sprintf("%s may call %s", w.name, call.address))
			case needs && !may:
				problems = append(problems, fmt.Sprintf("%s may not call %s", w.name, call.address))
			}
		}
	}
	return problems
}

// meshes are the workloads with a sidecar.
func meshes(b built) []workload {
	return slices.DeleteFunc(workloads(b), func(w workload) bool { return !injected(w) })
}

func injected(w workload) bool {
	return w.template.Labels["sidecar.istio.io/inject"] == "true" || w.template.Annotations["linkerd.io/inject"] == "enabled"
}

// reaches reports whether pods with these labels may call an address by TCP: those that no policy selects may call any.
func reaches(policies []*networkingv1.NetworkPolicy, pod map[string]string, address string) bool {
	to := netip.MustParseAddrPort(address)
	selected := false
	for _, policy := range policies {
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil || !selector.Matches(labels.Set(pod)) ||
			!slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
			continue
		}
		selected = true
		for _, rule := range policy.Spec.Egress {
			if onPort(rule.Ports, to.Port()) && inBlocks(rule.To, to.Addr()) {
				return true
			}
		}
	}
	return !selected
}

func onPort(ports []networkingv1.NetworkPolicyPort, port uint16) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		return (p.Protocol == nil || *p.Protocol == corev1.ProtocolTCP) && p.Port != nil && p.Port.IntValue() == int(port)
	})
}

func inBlocks(peers []networkingv1.NetworkPolicyPeer, address netip.Addr) bool {
	in := func(cidr string) bool {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(cidr))
		return err == nil && prefix.Contains(address)
	}
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		if p.NamespaceSelector != nil && len(p.NamespaceSelector.MatchLabels)+len(p.NamespaceSelector.MatchExpressions) == 0 {
			return inCluster.Contains(address)
		}
		return p.IPBlock != nil && in(p.IPBlock.CIDR) && !slices.ContainsFunc(p.IPBlock.Except, in)
	})
}
