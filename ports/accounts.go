package ports

import "context"

//go:generate go tool mockgen -source=accounts.go -destination=../mocks/accounts.go -package=mocks

// Account is an ACME account with its sealed key.
type Account struct {
	Issuer    string
	Directory string
	// URL is empty until the CA answered.
	URL       string
	SealedKey []byte
}

// Accounts stores ACME accounts, one per issuer and directory. Faults: Wait "DatabaseUnavailable".
type Accounts interface {
	// FindAccount returns nil if there is none.
	FindAccount(ctx context.Context, issuer, directory string) (*Account, error)
	// AddAccount stores the account. The first writer wins: the stored one is returned.
	AddAccount(ctx context.Context, account Account) (Account, error)
	// RecordAccountURL stores the URL that the CA gave. Idempotent.
	RecordAccountURL(ctx context.Context, issuer, directory, url string) error
}
