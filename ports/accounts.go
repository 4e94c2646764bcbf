package ports

import (
	"context"
	"time"
)

//go:generate go tool mockgen -source=accounts.go -destination=../mocks/accounts.go -package=mocks

// Account is an ACME account with its sealed key.
type Account struct {
	Issuer    string
	Directory string
	// URL is empty until the CA answered.
	URL       string
	SealedKey []byte
	// Contact is the e-mail address that the CA was sent last; empty if none, or if nobody knows.
	Contact string
	// NextSealedKey is a new key that is being sent to the CA, or was; nil if there is none.
	NextSealedKey []byte
	// Since is when it was stored first.
	Since time.Time
}

// Registration is what the CA said of an account.
type Registration struct {
	URL string
	// Contact is what the CA was sent with it.
	Contact string
	// Found reports whether the CA had the account before: then it was sent no contact.
	Found bool
}

// Accounts stores ACME accounts, one per issuer and directory. What changes at the CA is an event without certificate
// (account_registered, account_updated, account_rolled_over). Faults: Wait "DatabaseUnavailable", and for an account
// that is not stored, Operator "UnknownAccount".
type Accounts interface {
	// FindAccount returns nil if there is none.
	FindAccount(ctx context.Context, issuer, directory string) (*Account, error)
	// AddAccount stores the account. The first writer wins: the stored one is returned.
	AddAccount(ctx context.Context, account Account) (Account, error)
	// RecordRegistration stores what the CA gave. Idempotent.
	RecordRegistration(ctx context.Context, issuer, directory string, registration Registration) error
	// RecordContact calls update and then stores the contact, unless somebody else is at it, or it is stored already
	// and not to be sent again. Of many callers one calls update; if that fails, or its process is killed, nothing is
	// stored and the next caller does. update's error is handed on. update MUST NOT use this port: the account is
	// locked meanwhile.
	RecordContact(ctx context.Context, issuer, directory, contact string, again bool,
		update func(context.Context) error) (updated bool, err error)
	// PlanAccountKey stores the next key, so that it is durable before the CA hears of it. The first writer wins: the
	// account as it is stored is returned.
	PlanAccountKey(ctx context.Context, issuer, directory string, sealedKey []byte) (Account, error)
	// DropAccountKey forgets the next key if it is stored as sealedKey. It is for a key that the CA will never take,
	// from nobody: any other may be the account's by now. Idempotent.
	DropAccountKey(ctx context.Context, issuer, directory string, sealedKey []byte) error
	// SwitchAccountKey makes the next key the account's key if it is stored as sealedKey; else it answers false.
	SwitchAccountKey(ctx context.Context, issuer, directory string, sealedKey []byte) (switched bool, err error)
}
