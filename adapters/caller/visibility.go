package caller

import (
	"errors"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

var (
	searchState  = temporal.NewSearchAttributeKeyKeyword(ports.SearchState)
	searchIssuer = temporal.NewSearchAttributeKeyKeyword(ports.SearchIssuer)
	searchNames  = temporal.NewSearchAttributeKeyKeywordList(ports.SearchNames)
)

// searchable makes a new certificate visible to searches from its first moment. Attributes of a start cost nothing.
func searchable(spec domain.Spec) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		searchState.ValueSet(string(domain.PhaseIssuing)),
		searchIssuer.ValueSet(spec.WithDefaults().Issuers[0]),
		searchNames.ValueSet(lifecycle.SearchableNames(spec.Names)),
	)
}

// unsearchable reports whether the server does not know a search attribute. Its error has no type of its own.
func unsearchable(err error) bool {
	var invalid *serviceerror.InvalidArgument
	return errors.As(err, &invalid) && strings.Contains(invalid.Message, "search attribute") &&
		(strings.Contains(invalid.Message, "no mapping defined") || strings.Contains(invalid.Message, "is not defined"))
}

func (c *Client) attributesMissingFault(cause error) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonSearchAttributesMissing, cause,
		"%s lacks Everleaf's search attributes: run `everleaf migrate` for it", c.target.Place())
}
