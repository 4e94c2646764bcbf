package acme

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

// Inspection is what a CA shows to somebody who changes nothing.
type Inspection struct {
	// Account is the account's URL, empty where none is registered; Status is what the CA says of it (RFC 8555 §7.1.2).
	Account, Status string
	// Date is the CA's clock, as its web server says; zero if it does not.
	Date time.Time
}

// Inspect reads the directory and looks the stored account up (RFC 8555 §7.3.1, onlyReturnExisting): nothing is
// registered and nothing stored. Faults: those of the CA and of ports.Accounts; Operator "ExternalAccountRequired"
// where the first order could not register, "SealingKeyWrong".
func (ca *CA) Inspect(ctx context.Context) (seen Inspection, err error) {
	ctx, cancel := context.WithTimeout(ctx, ca.config.Timeout)
	defer cancel()
	known, err := ca.directory(ctx)
	if err != nil {
		return seen, ca.interpret(ctx, readDirectory, err, nil)
	}
	seen.Date = ca.date(ctx)
	stored, err := ca.accounts.FindAccount(ctx, ca.config.Issuer, ca.config.Directory)
	if err != nil {
		return seen, err
	}
	if stored == nil {
		return seen, ca.checkBinding(known)
	}
	key, err := ca.openKey(ctx, stored.SealedKey)
	if err != nil {
		return seen, err
	}
	tracked, x := track(ctx)
	defer x.done()
	account, err := known.client.GetAccount(tracked, acme.Account{PrivateKey: key})
	switch {
	case isProblem(err, acme.ProblemTypeAccountDoesNotExist, acme.ProblemTypeExternalAccountRequired) &&
		stored.URL == "":
		return seen, nil
	case isProblem(err, acme.ProblemTypeAccountDoesNotExist, acme.ProblemTypeExternalAccountRequired):
		return seen, domain.NewFault(domain.FaultOperator, domain.ReasonAccountKeyRefused, nil,
			"issuer %q: the CA has no account for the key that is stored for %s: the next use registers one, or finishes a "+
				"rollover", ca.config.Issuer, stored.URL)
	case err != nil:
		return seen, ca.interpret(ctx, "look the account up", err, x)
	}
	seen.Account, seen.Status = account.Location, account.Status
	return seen, nil
}

// date is zero if the server does not say.
func (ca *CA) date(ctx context.Context) time.Time {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, ca.config.Directory, nil)
	if err != nil {
		return time.Time{}
	}
	request.Header.Set("User-Agent", userAgent)
	response, err := client(ca.wire.next).Do(request)
	if err != nil {
		return time.Time{}
	}
	_ = response.Body.Close() // of a HEAD: empty
	at, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// String says it to people.
func (i Inspection) String() string {
	if i.Account == "" {
		return "its directory answers; no account is registered yet, and the first order registers one"
	}
	return fmt.Sprintf("its directory answers; account %s is %s", i.Account, i.Status)
}
