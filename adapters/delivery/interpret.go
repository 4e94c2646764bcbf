package delivery

import (
	"context"
	"errors"
	"syscall"

	"everleaf/domain"
)

// interpret makes an error of the file system a fault. What an operator has not ordered so passes by itself; the rest
// is refused. The end of ctx stays visible. No content is in an error of the file system.
func interpret(err error, doing string) error {
	if fault, ok := errors.AsType[*domain.Fault](err); ok {
		named := *fault
		named.Message = doing + ": " + fault.Message
		return &named
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	for _, passing := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.ESTALE, syscall.EBUSY, syscall.EAGAIN, syscall.EINTR,
		syscall.ETIMEDOUT,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
		syscall.ECONNREFUSED,
	} {
		if errors.Is(err, passing) {
			return unavailableFault(err, "%s", doing)
		}
	}
	return refusedFault(err, "%s", doing)
}

// unavailableFault is for what passes by itself.
func unavailableFault(cause error, format string, args ...any) *domain.Fault {
	return domain.NewFault(domain.FaultWait, domain.ReasonTargetUnavailable, cause, format, args...)
}

// refusedFault is for what somebody must correct.
func refusedFault(cause error, format string, args ...any) *domain.Fault {
	return domain.NewFault(domain.FaultOperator, domain.ReasonTargetRefused, cause, format, args...)
}
