package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// groups are the headings of --help.
var groups = []kong.Group{
	{Key: "roles", Title: "Roles:"},
	{Key: "temporal", Title: "Temporal:", Description: "Temporal's own convention holds: a flag wins over TEMPORAL_*, " +
		"which wins " +
		"over the profile in temporal.toml. By variable only: TEMPORAL_TLS_CLIENT_CERT_DATA, " +
		"TEMPORAL_TLS_CLIENT_KEY_DATA and " +
		"TEMPORAL_TLS_SERVER_CA_CERT_DATA (PEM), TEMPORAL_GRPC_META_* (headers)."},
	{Key: "postgres", Title: "Postgres:"},
	{Key: "sealing", Title: "Sealing of private keys:"},
	{Key: "acme", Title: "ACME CA:"},
	{Key: "http01", Title: "HTTP-01 challenges:"},
	{Key: "dns01", Title: "DNS-01 challenges:",
		Description: "The zones that records may be written into stand in the configuration file (--config)."},
	{Key: "slots", Title: "Slots and pollers:",
		Description: "How much the process does at once: fixed slots, or as memory and CPU allow."},
	{Key: "versioning", Title: "Worker versioning:"},
	{Key: "delivery", Title: "Delivery:"},
	{Key: "ops", Title: "Health and metrics:"},
	{Key: "pull", Title: "Certificates that clients fetch (role pull):"},
	{Key: "timing", Title: "Start and stop:"},
	{Key: "telemetry", Title: "Metrics and traces:",
		Description: "Traces are off unless OTEL_EXPORTER_OTLP_ENDPOINT is set; " +
			"OpenTelemetry's other variables hold as well, among them OTEL_EXPORTER_OTLP_PROTOCOL (http/protobuf or grpc), " +
			"OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and OTEL_SERVICE_NAME."},
	{Key: "log", Title: "Logging:"},
}

// describe is a flag's help with its default and its variable.
func describe(value *kong.Value) string {
	text := value.Help
	if value.HasDefault && value.Default != "" {
		text += " Default " + value.Default + "."
	}
	if len(value.Tag.Envs) > 0 {
		text += " [" + strings.Join(value.Tag.Envs, ", ") + "]"
	}
	return text
}

// explain makes one line of a parse error. For settings that are missing it names the variables too.
func explain(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || !strings.HasPrefix(err.Error(), "missing flags") {
		// What may be left out has an empty choice, which is nobody's to give.
		text := strings.Replace(err.Error(), `must be one of "",`, "must be one of ", 1)
		return fmt.Errorf("%s; see `%s --help`", text, commandOf(parse))
	}
	var missing []string
	for _, flag := range parse.Context.Flags() {
		if flag.Required && !flag.Set {
			missing = append(missing, strings.Join(append([]string{"--" + flag.Name}, flag.Envs...), " or "))
		}
	}
	return fmt.Errorf("missing settings: give %s; see `%s --help`", strings.Join(missing, ", and "), commandOf(parse))
}

// commandOf is the command as far as it was understood, as people type it.
func commandOf(parse *kong.ParseError) string {
	words := []string{"everleaf"}
	if parse != nil && parse.Context != nil {
		for _, step := range parse.Context.Path {
			if step.Command != nil {
				words = append(words, step.Command.Name)
			}
		}
	}
	return strings.Join(words, " ")
}
