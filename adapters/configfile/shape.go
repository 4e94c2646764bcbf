package configfile

import "reflect"

// Shape is the type of the file's content, from which its reference and its JSON Schema are generated: the names of
// fields are those of their JSON tags, one without omitempty is required, and a field's comment is its meaning, whose
// last clause ("; empty means a minute.") is its default.
func Shape() reflect.Type { return reflect.TypeFor[document]() }
