package lifecycle

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inputFields are those of a caller's input, by the Version that knows them. From the release of a version on, its list
// does not change: a field that is added is in the list of the next one.
var inputFields = map[int][]string{
	1: {"spec", "spec.names", "spec.keyType", "spec.profile", "spec.issuers", "spec.challenge", "spec.keyRotation",
		"spec.tenant", "spec.deliveries", "spec.fleet", "expectedGeneration", "caller", "resume"},
}

// A field of the input comes with a Version of its own, so that no build which knows it shares a run with one that does
// not: that one would refuse the input in a replay.
func TestInputFields(t *testing.T) {
	t.Parallel()
	require.Equal(t, inputFields[Version], fieldsOf("", reflect.TypeFor[start]()))
}

// fieldsOf are the JSON names of a struct's fields, with those of the structs below it.
func fieldsOf(at string, of reflect.Type) (all []string) {
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all = append(all, at+name)
		inner := field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			all = append(all, fieldsOf(at+name+".", inner)...)
		}
	}
	return all
}
