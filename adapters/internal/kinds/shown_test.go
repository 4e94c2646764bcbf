package kinds_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
	"everleaf/adapters/internal/kinds"
	"everleaf/ports"
)

// Two processes whose settings differ do not count as configured alike: each setting changes what is shown, unless it
// is, or may hold, a secret.
func TestEverySettingIsShown(t *testing.T) {
	t.Parallel()
	secret := []string{"Secret", "TSIG", "Username", "Password"}
	for _, kind := range []interface{ Shown() ports.Settings }{
		delivery.Directory{}, delivery.Webhook{}, delivery.Exec{}, delivery.Pull{},
		dns01.RFC2136{}, dns01.HTTP{}, dns01.Exec{},
	} {
		is := reflect.TypeOf(kind)
		for _, field := range reflect.VisibleFields(is) {
			if field.Anonymous || slices.Contains(secret, field.Name) {
				continue
			}
			with := reflect.New(is).Elem()
			switch value := with.FieldByIndex(field.Index); value.Kind() {
			case reflect.String:
				value.SetString("https://other.example.com")
			case reflect.Bool:
				value.SetBool(true)
			case reflect.Slice:
				value.Set(reflect.ValueOf([]string{"other"}))
			default:
				require.FailNow(t, "a field of another type", "%s.%s", is, field.Name)
			}
			other := with.Interface().(interface{ Shown() ports.Settings })
			require.NotEqual(t, kinds.Given(kind.Shown()), kinds.Given(other.Shown()), "%s.%s", is, field.Name)
		}
	}
}
