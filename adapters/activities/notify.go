package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// Notify has the certificate's workflow read its record, after a change was stored. A certificate whose workflow has
// ended needs no notice: the next one reads the record. One that cannot be notified must not hold up the others: it is
// logged, and notified is false. Only what would be in the way of all others is an error.
func Notify(ctx context.Context, notifier ports.Notifier, certificate string) (notified bool, err error) {
	err = notifier.RecordChanged(ctx, certificate)
	var fault *domain.Fault
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &fault) && fault.Reason == domain.ReasonWorkflowEnded:
		activity.GetLogger(ctx).Warn("the record has changed, but the certificate has no running workflow",
			"certificate",
			certificate, "error", err)
		return true, nil
	case fault != nil && !fault.Transient():
		activity.GetLogger(ctx).Error("the record has changed, but the workflow cannot be notified", "certificate",
			certificate, "error", err)
		return false, nil
	default:
		return false, fmt.Errorf("notify %s of its record: %w", certificate, err)
	}
}
