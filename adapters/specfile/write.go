package specfile

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"

	"everleaf/domain"
)

// WriteSpec writes a spec as YAML that ReadSpec reads. The names come first: who edits it looks for them. The
// generation comes last, and says what it is for.
func WriteSpec(one One) ([]byte, error) {
	if one.Names == nil { // which would be written as null, and not be read
		one.Names = []string{}
	}
	text, err := writeSpec(one.Spec)
	if err == nil && one.ExpectedGeneration != nil {
		text = fmt.Appendf(text, "# With this line, the file is refused if the spec has changed since it was printed. Without, it replaces "+
			"whatever there is.\nexpectedGeneration: %d\n", *one.ExpectedGeneration)
	}
	return text, err
}

func writeSpec(spec domain.Spec) ([]byte, error) {
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
