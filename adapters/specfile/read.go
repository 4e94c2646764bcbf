package specfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"everleaf/domain"
)

// One is a file of one certificate.
type One struct {
	domain.Spec
	// ExpectedGeneration is the generation of the spec that the file was made from, nil if the file does not say: see
	// ports.EnsureRequest. A fleet has none: it says what is wanted, whatever there is.
	ExpectedGeneration *int64 `json:"expectedGeneration,omitempty"`
}

// ReadSpec reads one spec. source names the file in messages. The spec is not validated. Faults, here and below: Spec
// "SpecFile", which names file, line and fix.
func ReadSpec(source string, content []byte) (One, error) {
	var one One
	err := decode(source, content, &one)
	return one, err
}

// Fleet is a file of many certificates.
type Fleet struct {
	// Name marks the certificates as this file's; empty if they are not marked.
	Name string
	// Specs are what is wanted by certificate, with the file's defaults filled in. They are validated.
	Specs map[string]domain.Spec
}

// document is a fleet as it is written.
type document struct {
	Fleet        string                     `json:"fleet"`
	Defaults     domain.Spec                `json:"defaults"`
	Certificates map[string]json.RawMessage `json:"certificates"`
}

// shapeOfDocument is document with the type that each certificate has.
type shapeOfDocument struct {
	Fleet        string                 `json:"fleet"`
	Defaults     domain.Spec            `json:"defaults"`
	Certificates map[string]domain.Spec `json:"certificates"`
}

// ReadFleet reads the certificates of a fleet. A field that a certificate has takes the place of the default, a list
// as a whole; one without names is for its own name.
func ReadFleet(source string, content []byte) (Fleet, error) {
	root, err := parse(source, content)
	if err != nil {
		return Fleet{}, err
	}
	if err := check(source, root, reflect.TypeFor[shapeOfDocument]()); err != nil {
		return Fleet{}, err
	}
	var d document
	if err := convert(source, root, &d); err != nil {
		return Fleet{}, err
	}
	if len(d.Certificates) == 0 {
		return Fleet{}, fault(source, 0, "it lists no certificates: give certificates: {NAME: {names: [DNS]}}")
	}
	fleet := Fleet{Name: d.Fleet, Specs: map[string]domain.Spec{}}
	for _, line := range certificates(root) {
		spec := clone(d.Defaults)
		if err := json.Unmarshal(d.Certificates[line.name], &spec); err != nil {
			return Fleet{}, fault(source, line.number, "certificate %q: %v", line.name, err)
		}
		if len(spec.Names) == 0 {
			spec.Names = []string{line.name}
		}
		if spec.Fleet != "" && spec.Fleet != d.Fleet {
			return Fleet{}, fault(source, line.number, "certificate %q: its fleet is the file's: leave it out",
				line.name)
		}
		spec.Fleet = d.Fleet
		err := domain.ValidateCertificateName(line.name)
		if err == nil {
			spec, err = spec.Validated()
		}
		if err != nil {
			return Fleet{}, fault(source, line.number, "certificate %q: %v", line.name, err)
		}
		fleet.Specs[line.name] = spec
	}
	return fleet, nil
}

// clone has lists of its own: what is decoded into them must not reach the original.
func clone(s domain.Spec) domain.Spec {
	s.Names, s.Issuers, s.Deliveries = slices.Clone(s.Names), slices.Clone(s.Issuers), slices.Clone(s.Deliveries)
	return s
}

func decode(source string, content []byte, into any) error {
	root, err := parse(source, content)
	if err != nil {
		return err
	}
	if err := check(source, root, reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	return convert(source, root, into)
}

// parse reads the one document that there may be. JSON is YAML, too.
func parse(source string, content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, fault(source, 0, "it is empty")
	} else if err != nil {
		return nil, fault(source, 0, "it is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fault(source, 0, "it holds several YAML documents: make it one")
	}
	return document.Content[0], nil
}

// convert goes by way of JSON, whose field names are the contract's.
func convert(source string, root *yaml.Node, into any) error {
	var tree any
	err := root.Decode(&tree)
	var text []byte
	if err == nil {
		text, err = json.Marshal(tree)
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fault(source, root.Line, "%v", err)
	}
	return nil
}

// at is a certificate with the line on which it begins.
type at struct {
	name   string
	number int
}

// certificates are those of a document, in its order.
func certificates(root *yaml.Node) (all []at) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "certificates" {
			continue
		}
		listed := root.Content[i+1]
		if listed.Kind == yaml.AliasNode {
			listed = listed.Alias
		}
		for j := 0; j+1 < len(listed.Content); j += 2 {
			key := listed.Content[j]
			all = append(all, at{key.Value, key.Line})
		}
	}
	return all
}

// fault is the fault of a line; 0 is the file as a whole.
func fault(source string, line int, format string, args ...any) error {
	if line > 0 {
		source = fmt.Sprintf("%s:%d", source, line)
	}
	return domain.NewFault(domain.FaultSpec, domain.ReasonSpecFile, nil, "%s: %s", source, fmt.Sprintf(format, args...))
}
