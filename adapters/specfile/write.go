package specfile

import (
	"encoding/json"

	"sigs.k8s.io/yaml"

	"everleaf/domain"
)

// WriteSpec writes a spec as YAML that ReadSpec reads. The names come first: who edits it looks for them.
func WriteSpec(spec domain.Spec) ([]byte, error) {
	names, err := yaml.Marshal(map[string][]string{"names": spec.Names})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	rest := map[string]any{}
	if err := json.Unmarshal(text, &rest); err != nil {
		return nil, err
	}
	delete(rest, "names")
	if len(rest) == 0 {
		return names, nil
	}
	more, err := yaml.Marshal(rest)
	return append(names, more...), err
}
