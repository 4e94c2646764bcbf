package sealing

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"gocloud.dev/gcerrors"

	"everleaf/domain"
)

// rolloutPause is how long a secret is left alone whose key this process does not know. Another worker may know it, and
// while a key is rotated this one will be replaced: the wait must not climb to a day.
const rolloutPause = 10 * time.Minute

// interpret makes what the key service answered a fault: it refused (Operator) or could not answer (Wait). The
// services' errors name keys and reasons; none repeats what it was asked to seal or open.
func (k *key) interpret(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if k.local {
		return wrongKeyFault(err)
	}
	switch code(err) {
	case gcerrors.InvalidArgument, gcerrors.FailedPrecondition:
		return wrongKeyFault(err)
	case gcerrors.NotFound, gcerrors.PermissionDenied, gcerrors.Unimplemented:
		return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyRefused, err,
			"the key service refuses the key that %s names: check that the key exists, is enabled and "+
				"that this process may encrypt and decrypt with it", k.setting)
	}
	return domain.NewFault(domain.FaultWait, domain.ReasonSealingUnavailable, err,
		"the key service of %s does not answer",
		k.setting)
}

// code is gocloud's; Vault's driver leaves its errors unsorted, and AWS' the answer to what another key sealed.
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
	var aws interface{ ErrorCode() string }
	if errors.As(err, &aws) && aws.ErrorCode() == "IncorrectKeyException" {
		return gcerrors.InvalidArgument
	}
	return gcerrors.Code(err)
}

// isWrongKey reports whether a key was asked and has not sealed it.
func isWrongKey(err error) bool {
	fault, ok := errors.AsType[*domain.Fault](err)
	return ok && fault.Reason == domain.ReasonSealingKeyWrong
}

// wrongKeyFault is the operator's fault and yet it is retried at an even pace: in a rotation that went out in the wrong
// order it passes by itself with the last worker that is replaced.
func wrongKeyFault(cause error) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyWrong, cause,
		"a stored secret was sealed with a key that this process does not know: if the sealing key was changed, list the "+
			"earlier "+
			"one in %s; else give the key that sealed it as %s", settingOld, setting).WithRetryAfter(rolloutPause)
}

func damagedFault(cause error) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonSecretDamaged, cause,
		"a stored secret is damaged, and no sealing key can help: restore it from a backup of the database")
}

// forgottenFault is about a key that forget-lost has dropped.
func forgottenFault(certificate string) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonKeyForgotten, nil,
		"the key was forgotten, since its sealing key was lost: `everleaf cert renew %s` makes a new one", certificate)
}

// misplacedFault names where it belongs by what is sealed, which authenticated.
func misplacedFault(belongs []byte, place domain.Place) error {
	kind, owner, _ := strings.Cut(string(belongs), "\x00")
	return domain.NewFault(domain.FaultOperator, domain.ReasonSecretMisplaced, nil,
		"what is stored for %q was sealed as %q: somebody moved or copied it; restore the row from a backup of the database, "+
			"and find out who can write to it", place, domain.Place{Kind: domain.SecretKind(kind), Owner: owner})
}
