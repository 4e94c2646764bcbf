package sealing

import (
	"context"
	"errors"
	"net/http"

	"github.com/hashicorp/vault/api"
	"gocloud.dev/gcerrors"

	"everleaf/domain"
)

// interpret makes what the key service answered a fault: it refused (Operator) or could not answer (Wait). The
// services' errors name keys and reasons; none repeats what it was asked to seal or open.
func (k *Keeper) interpret(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if k.local {
		return wrongKey(err)
	}
	switch code(err) {
	case gcerrors.InvalidArgument, gcerrors.FailedPrecondition:
		return wrongKey(err)
	case gcerrors.NotFound, gcerrors.PermissionDenied, gcerrors.Unimplemented:
		return domain.NewFault(domain.FaultOperator, "SealingKeyRefused", err,
			"the key service refuses the key that "+setting+" names: check that the key exists, is enabled and "+
				"that this process may encrypt and decrypt with it")
	}
	return domain.NewFault(domain.FaultWait, "SealingUnavailable", err, "the key service of "+setting+" does not answer")
}

// code is gocloud's; Vault's driver leaves its errors unsorted.
func code(err error) gcerrors.ErrorCode {
	if answer, ok := errors.AsType[*api.ResponseError](err); ok {
		switch answer.StatusCode {
		case http.StatusBadRequest:
			return gcerrors.InvalidArgument
		case http.StatusUnauthorized, http.StatusForbidden:
			return gcerrors.PermissionDenied
		case http.StatusNotFound:
			return gcerrors.NotFound
		}
	}
	return gcerrors.Code(err)
}

func wrongKey(cause error) error {
	return domain.NewFault(domain.FaultOperator, "SealingKeyWrong", cause,
		"a stored secret was not sealed with the key that "+setting+" names: give the key that sealed it")
}
