package manifests

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// built is what one folder makes, decoded.
type built struct {
	objects []metav1.Object
}

// build runs kustomize on the folder and decodes each document, strictly: a field that its type does not have, or that
// is there twice, is an error, as is a kind that is not known here.
func build(fs filesys.FileSystem, dir string) (b built, problems []string) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, dir)
	if err != nil {
		return b, []string{fmt.Sprintf("kustomize: %v", err)}
	}
	for _, resource := range resources.Resources() {
		document, err := resource.AsYAML()
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", resource.CurId(), err))
			continue
		}
		var object metav1.Object
		if strings.HasSuffix(resource.GetGvk().Group, ".istio.io") {
			object, err = decodeIstio(document)
		} else {
			object, err = decodeKubernetes(document)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s %s: %v", resource.GetKind(), resource.GetName(), err))
			continue
		}
		b.objects = append(b.objects, object)
	}
	return b, problems
}

// kubernetes is the decoder of the API server's own library, as strict as `kubectl --validate=strict`.
var kubernetes = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
}()

func decodeKubernetes(document []byte) (metav1.Object, error) {
	object, _, err := kubernetes.Decode(document, nil, nil)
	if err != nil {
		return nil, err
	}
	known, ok := object.(metav1.Object)
	if !ok {
		return nil, fmt.Errorf("%T has no metadata", object)
	}
	return known, nil
}

// all are the objects of one type.
func all[T metav1.Object](b built) (found []T) {
	for _, object := range b.objects {
		if typed, ok := object.(T); ok {
			found = append(found, typed)
		}
	}
	return found
}
