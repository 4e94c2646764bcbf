package acme

import (
	"context"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

func (ca *CA) contact() []string {
	if ca.config.Email == "" {
		return nil
	}
	return []string{"mailto:" + ca.config.Email}
}

// sendContact sends the CA the contact that is configured now, unless another process does. What fails costs no
// certificate, so it is logged only.
func (ca *CA) sendContact(ctx context.Context, known *knownDirectory, account acme.Account) {
	sent, err := ca.accounts.RecordContact(ctx, ca.config.Issuer, ca.config.Directory, ca.config.Email, false,
		func(ctx context.Context) error {
			tracked, x := track(ctx)
			defer x.done()
			return ca.interpret(ctx, "update the account's contact", ca.update(tracked, known.client, account), x)
		})
	switch {
	case err != nil:
		ca.logger.WarnContext(ctx, "the CA does not have the account's new contact; the next start sends it, or `everleaf "+
			"account update`", "error", err)
	case sent:
		ca.mu.Lock()
		ca.contactsSent++
		ca.mu.Unlock()
		ca.logger.InfoContext(ctx, "account's contact updated", "account", account.Location)
	}
}

func (ca *CA) update(ctx context.Context, client *acme.Client, account acme.Account) error {
	account.Contact = ca.contact()
	_, err := client.UpdateAccount(ctx, account)
	return err
}

// UpdateContact sends the CA the configured contact now, even if the CA has it already (RFC 8555 §7.3.2), and returns
// the account's URL. Idempotent. Faults besides the usual: Operator "InvalidSetting" if none is configured, Wait
// "AccountBusy" while another process sends it.
func (ca *CA) UpdateContact(ctx context.Context) (url string, err error) {
	if ca.config.Email == "" {
		return "", domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
			"issuer %q: no contact is configured: give --acme-email (EVERLEAF_ACME_EMAIL), or email in the config file",
			ca.config.Issuer)
	}
	before := ca.timesSent()
	err = ca.attempt(ctx, "update the account's contact", func(ctx context.Context, s *session) error {
		url = s.account.Location
		if ca.timesSent() != before {
			return nil // on the way here: it differed
		}
		sent, err := ca.accounts.RecordContact(ctx, ca.config.Issuer, ca.config.Directory, ca.config.Email, true,
			func(ctx context.Context) error { return ca.update(ctx, s.Client, s.account) })
		if err == nil && !sent {
			return domain.NewFault(domain.FaultWait, domain.ReasonAccountBusy, nil,
				"issuer %q: another process updates the account at this moment; try again", ca.config.Issuer)
		}
		return err
	})
	return url, err
}

func (ca *CA) timesSent() int {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return ca.contactsSent
}
