package kinds

import (
	"maps"

	"everleaf/ports"
)

// Shown are the settings of a kind that hold no secret: what its method Shown says, if it has one, and its name.
func Shown(name string, kind any) ports.Settings {
	settings := ports.Settings{}
	if shown, ok := kind.(interface{ Shown() ports.Settings }); ok {
		settings = Given(shown.Shown())
	}
	settings["kind"] = name
	return settings
}

// Given are the settings that are not empty.
func Given(settings ports.Settings) ports.Settings {
	given := maps.Clone(settings)
	maps.DeleteFunc(given, func(_, value string) bool { return value == "" })
	return given
}
