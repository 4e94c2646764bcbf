package http01

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"everleaf/domain"
)

// Probes store a token that belongs to no order.
type Probes interface {
	PutProbe(ctx context.Context, token, keyAuthorization string) error
	RemoveProbe(ctx context.Context, token string) error
}

// Probe stores a token, asks for it at name's port 80 as a CA does (RFC 8555 §8.3), and removes it: the answer must be
// that of a responder on this database. The name is looked up, and redirects are followed, as by Check. Fault: Operator
// "ResponderNotAnswering".
func Probe(ctx context.Context, config Config, name string, probes Probes) (seen string, err error) {
	token, answer := rand.Text(), rand.Text()
	if err := probes.PutProbe(ctx, token, answer); err != nil {
		return "", err
	}
	// Else the next probe does, after an hour.
	defer func() { _ = probes.RemoveProbe(context.WithoutCancel(ctx), token) }()
	failed := func(cause error) error {
		return domain.NewFault(domain.FaultOperator, domain.ReasonResponderNotAnswering, cause,
			"http://%s%s is not answered by a responder on this database: lead port 80, path %s, to the responders "+
				"(--http01-listen, EVERLEAF_HTTP01_LISTEN)", name, path, path)
	}
	solver := NewSolver(config, nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+name+path+token, nil)
	if err != nil {
		return "", failed(errors.New("the name cannot be part of a URL"))
	}
	host := request.URL.Hostname()
	solver.port = defaultPort
	if port, err := strconv.Atoi(request.URL.Port()); err == nil {
		solver.port = port
	}
	what, fix, _ := solver.look(request, domain.Challenge{Name: host, Token: token, KeyAuthorization: answer})
	if what != "" {
		return "", failed(fmt.Errorf("%s; %s", what, fix))
	}
	return "http://" + name + path + " is answered by a responder on this database", nil
}
