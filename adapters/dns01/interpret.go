package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/miekg/dns"

	"everleaf/domain"
)

const reasonUnavailable = "DNSUnavailable"

// unavailableFault is for what passes by itself.
func unavailableFault(cause error, format string, args ...any) *domain.Fault {
	return domain.NewFault(domain.FaultWait, reasonUnavailable, cause, format, args...)
}

// refusedFault is for what somebody must correct.
func refusedFault(cause error, format string, args ...any) *domain.Fault {
	return domain.NewFault(domain.FaultOperator, domain.ReasonDNSRefused, cause, format, args...)
}

// interpret makes a fault of what an update came to; nil where it was done. The end of ctx stays visible.
func interpret(ctx context.Context, where string, answer *dns.Msg, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", where, ctx.Err())
	}
	if answer != nil {
		// An answer to a key that the server does not know cannot be signed: what it says goes before that.
		if t := answer.IsTsig(); t != nil && t.Error != dns.RcodeSuccess {
			return refusedFault(nil, "%s: the server refuses the TSIG key (%s): %s", where, rcode(int(t.Error)),
				tsigFix(t.Error))
		}
		switch answer.Rcode {
		case dns.RcodeSuccess:
		case dns.RcodeServerFailure:
			return unavailableFault(nil, "%s: the server says SERVFAIL: its log says why", where)
		case dns.RcodeNotAuth, dns.RcodeNotZone:
			return refusedFault(nil, "%s: the server says %s: give as zone one that this server is the primary of, and a "+
				"TSIG key that it knows",
				where, rcode(answer.Rcode))
		default:
			return refusedFault(nil, "%s: the server says %s: let the key add and remove TXT records there (BIND: update-policy)", where, rcode(answer.Rcode))
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, dns.ErrSig) || errors.Is(err, dns.ErrTime) || errors.Is(err, dns.ErrKeyAlg) ||
		errors.Is(err, dns.ErrSecret):
		return refusedFault(plain(err), "%s: the answer's signature is wrong: see that both sides have one key and the "+
			"right time", where)
	}
	return unavailableFault(plain(err), "%s: see that the server runs and lets this host reach it by TCP", where)
}

func tsigFix(code uint16) string {
	switch code {
	case dns.RcodeBadKey:
		return "it knows no key of this name and algorithm; correct tsig.name and tsig.algorithm"
	case dns.RcodeBadSig:
		return "the secret is another one; correct tsig.secret"
	case dns.RcodeBadTime:
		return "the clocks of the two hosts differ by more than five minutes; set them right"
	}
	return "correct tsig"
}

// rcode is an answer's code as people know it.
func rcode(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return name
	}
	return fmt.Sprintf("code %d", code)
}

// plain is a network error without ports of ours, which differ each time.
func plain(err error) error {
	if wrapped, ok := errors.AsType[*net.OpError](err); ok {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	}
	return err
}
