package nexus

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		kind  domain.FaultKind
		is    nexus.HandlerErrorType
		again bool
	}{
		{domain.NewFault(domain.FaultSpec, "NoNames", nil, "no names"), domain.FaultSpec,
			nexus.HandlerErrorTypeBadRequest, false},
		{domain.NewFault(domain.FaultSpec, "UnknownCertificate", nil, "?"), domain.FaultSpec,
			nexus.HandlerErrorTypeNotFound, false},
		{domain.NewFault(domain.FaultSpec, "WorkflowEnded", nil, "ended"), domain.FaultSpec,
			nexus.HandlerErrorTypeNotFound, false},
		{domain.NewFault(domain.FaultWait, "NoWorker", nil, "none"), domain.FaultWait,
			nexus.HandlerErrorTypeUnavailable, true},
		{domain.NewFault(domain.FaultOperator, "TemporalRefused", nil, "key"), domain.FaultOperator,
			nexus.HandlerErrorTypeInternal, false},
		{errors.New("bug"), domain.FaultOperator, nexus.HandlerErrorTypeInternal, false},
	} {
		var refused *nexus.HandlerError
		require.ErrorAs(t, refusal(c.err), &refused)
		require.Equal(t, c.is, refused.Type, c.err)
		require.Equal(t, c.again, refused.Retryable(), c.err)
		var application *temporal.ApplicationError
		require.ErrorAs(t, refused, &application)
		require.Equal(t, string(c.kind), application.Type())
		var fault domain.Fault
		require.NoError(t, application.Details(&fault))
		require.Equal(t, domain.AsFault(c.err).Error(), fault.Message)
	}
}

// A stop hands the request to another worker at once, as the steps of an issuance are.
func TestAStopIsNoFailure(t *testing.T) {
	t.Parallel()
	var application *temporal.ApplicationError
	require.ErrorAs(t, classify(t.Context(), errStopping), &application)
	require.False(t, application.NonRetryable())
	require.Equal(t, time.Millisecond, application.NextRetryDelay())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
}

func TestOperationTimeout(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"": 0, "1500ms": 1500 * time.Millisecond, "-1s": 0, "soon": 0} {
		require.Equal(t, want, operationTimeout(nexus.Header{"operation-timeout": header}), header)
	}
}

// Callers in other namespaces have the operations of ports.Keeper, no more and no fewer.
func TestServiceOffersWhatKeeperDoes(t *testing.T) {
	t.Parallel()
	keeper := reflect.TypeFor[ports.Keeper]()
	service := NewService(nil)
	for i := range keeper.NumMethod() {
		require.NotNil(t, service.Operation(keeper.Method(i).Name), keeper.Method(i).Name)
	}
}
