package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

// searchAttributes are what Certificate workflows write. A workflow task that writes one which the namespace does not
// know fails, so the namespace is asked before a worker starts.
var searchAttributes = map[string]enumspb.IndexedValueType{
	ports.SearchState:       enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	ports.SearchIssuer:      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	ports.SearchNotAfter:    enumspb.INDEXED_VALUE_TYPE_DATETIME,
	ports.SearchNextRenewal: enumspb.INDEXED_VALUE_TYPE_DATETIME,
	ports.SearchNames:       enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}

// RegisterSearchAttributes makes the attributes known to the namespace and returns the names of those that were not.
// Idempotent, also with others at the same time. Faults: Operator "SearchAttributesRefused", which names the command
// for those who may, and "SearchAttributesConflict" if one exists with another type.
func RegisterSearchAttributes(ctx context.Context, c client.Client, config Config) (added []string, err error) {
	missing, err := missingSearchAttributes(ctx, c, config)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	add := map[string]enumspb.IndexedValueType{}
	for _, name := range missing {
		add[name] = searchAttributes[name]
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: config.Client.Namespace, SearchAttributes: add,
	})
	var exists *serviceerror.AlreadyExists
	switch {
	case err == nil:
		return missing, nil
	case errors.As(err, &exists): // another was quicker
		return nil, nil
	case connection.Transient(err):
		return nil, connection.Unreachable(config.Target(), err)
	default:
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonSearchAttributesRefused, err,
			"Temporal at %s did not add search attributes to namespace %q; let somebody who may run: %s",
			config.Client.HostPort, config.Client.Namespace, addCommand(config, missing))
	}
}

// CheckSearchAttributes refuses a namespace that does not know the attributes: Operator fault
// "SearchAttributesMissing". A server that does not let us look is believed to know them (known is false then).
func CheckSearchAttributes(ctx context.Context, c client.Client, config Config) (known bool, err error) {
	missing, err := missingSearchAttributes(ctx, c, config)
	var denied *serviceerror.PermissionDenied
	var unimplemented *serviceerror.Unimplemented
	switch {
	case errors.As(err, &denied), errors.As(err, &unimplemented):
		return false, nil
	case err != nil:
		return false, err
	case len(missing) > 0:
		return false, domain.NewFault(domain.FaultOperator, domain.ReasonSearchAttributesMissing, nil,
			"namespace %q of Temporal at %s lacks the search attributes %s: run `everleaf migrate`, or: %s",
			config.Client.Namespace, config.Client.HostPort, strings.Join(missing, ", "), addCommand(config, missing))
	}
	return true, nil
}

// missingSearchAttributes lists what the namespace lacks, in order of name.
func missingSearchAttributes(ctx context.Context, c client.Client, config Config) ([]string, error) {
	answer, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{
		Namespace: config.Client.Namespace,
	})
	if connection.Transient(err) {
		return nil, connection.Unreachable(config.Target(), err)
	}
	if err != nil {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonTemporalError, err,
			"Temporal at %s does not list the search attributes of namespace %q", config.Client.HostPort,
			config.Client.Namespace)
	}
	var missing []string
	for name, want := range searchAttributes {
		switch found, ok := answer.GetCustomAttributes()[name]; {
		case !ok:
			missing = append(missing, name)
		case found != want:
			return nil, domain.NewFault(domain.FaultOperator, domain.ReasonSearchAttributesConflict, nil,
				"namespace %q has a search attribute %s of type %s, and Everleaf needs %s: remove it",
				config.Client.Namespace,
				name, typeName(found), typeName(want))
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// addCommand is how to add them by hand.
func addCommand(config Config, names []string) string {
	command := "temporal operator search-attribute create --namespace " + config.Client.Namespace
	for _, name := range names {
		command += fmt.Sprintf(" --name %s --type %s", name, typeName(searchAttributes[name]))
	}
	return command
}

func typeName(t enumspb.IndexedValueType) string { return t.String() }
