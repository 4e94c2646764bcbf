// Package manifests checks: that what kustomize builds from the deployment files is what Kubernetes and Istio would
// take, and that the files agree with each other and with Everleaf's binary. It needs no cluster and no network. It is
// a package of tests only, for the modules that it needs must not weigh on devstack.
package manifests
