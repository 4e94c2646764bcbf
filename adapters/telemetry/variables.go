package telemetry

import (
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"everleaf/domain"
)

// samplers are those that OpenTelemetry's SDK knows by name.
var samplers = []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
	"parentbased_traceidratio"}

// first is the first of the variables that is set, and its value, trimmed as the SDK takes it.
func first(variables ...string) (variable, value string) {
	for _, variable = range variables {
		if value = strings.TrimSpace(os.Getenv(variable)); value != "" {
			return variable, value
		}
	}
	return variable, ""
}

// endpoint is where spans go; empty for nowhere.
func endpoint() (variable, value string) {
	return first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
}

// protocol is how spans are sent; empty for the default, http/protobuf.
func protocol() (variable, value string) {
	return first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
}

// checkVariables refuses what the SDK would pass over: it would send spans to a default address, or sample them all.
func checkVariables() error {
	_, protocol := protocol()
	variable, value := endpoint()
	u, err := url.Parse(value)
	switch {
	case err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	// What else has a scheme is a target of gRPC's own: host:port, unix:///path, dns:///host:port.
	case err == nil && u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" && protocol == "grpc":
	default:
		return invalidFault(variable, value, "use an http or https URL, for example http://127.0.0.1:4318")
	}
	// The SDK takes them so.
	clean := func(name string) string { return strings.ToLower(strings.TrimSpace(os.Getenv(name))) }
	sampler, argument := clean("OTEL_TRACES_SAMPLER"), clean("OTEL_TRACES_SAMPLER_ARG")
	if sampler != "" && !slices.Contains(samplers, sampler) {
		return invalidFault("OTEL_TRACES_SAMPLER", sampler, "use one of "+strings.Join(samplers, ", ")+
			", or leave it out for parentbased_always_on")
	}
	if strings.HasSuffix(sampler, "traceidratio") && argument != "" {
		if ratio, err := strconv.ParseFloat(argument, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
			return invalidFault("OTEL_TRACES_SAMPLER_ARG", argument, "use a fraction from 0 to 1, for example 0.1")
		}
	}
	return nil
}

// invalidFault is about a variable of OpenTelemetry's own convention, which has no flag.
func invalidFault(variable, value, fix string) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil, "%s %q cannot work: %s", variable,
		value, fix)
}
