package kinds

import (
	"fmt"
	"reflect"
	"strings"
)

// Of returns the kind that is set in entry, a struct whose pointers are all kinds (it panics if one is not a K), with
// its name in the file. The error, where there is none or more than one, lists those there are.
func Of[K any](entry any) (name string, kind K, err error) {
	var known, set []string
	v := reflect.ValueOf(entry)
	for field := range v.Type().Fields() {
		if field.Type.Kind() != reflect.Pointer {
			continue
		}
		label, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known = append(known, label)
		settings := v.FieldByIndex(field.Index)
		is := settings.Interface().(K) // before the look whether it is set: a field that is no kind shows at once
		if !settings.IsNil() {
			set, name, kind = append(set, label), label, is
		}
	}
	if len(set) == 1 {
		return name, kind, nil
	}
	var none K
	has := "no kind"
	if len(set) > 1 {
		has = fmt.Sprintf("%d kinds (%s)", len(set), strings.Join(set, ", "))
	}
	return "", none, fmt.Errorf("it has %s; give it exactly one of %s", has, strings.Join(known, ", "))
}
