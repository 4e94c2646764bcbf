package ports

import (
	"context"
	"time"
)

//go:generate go tool mockgen -source=dns.go -destination=../mocks/dns.go -package=mocks

// DNSRecord is a TXT record that shows control of a name (RFC 8555 §8.4).
type DNSRecord struct {
	// Zone is the name of the zone that it is written into, and removed from. Lower case, no dot at the end.
	Zone string
	// Name is where the record is: the challenge's own name, or where the CNAMEs from there lead. Lower case, no dot at
	// the end.
	Name string
	// Value is the record's text.
	Value string
	// Mark is the store's own: which putting of the record was read. Nobody else looks at it.
	Mark string
}

// DNSZone is a zone that Everleaf may write TXT records into, with all that is below it. Certificates of several
// tenants may be validated under one name at the same time (a delegated one, or a name and its wildcard): an
// implementation MUST leave other values under the name as they are, and MUST NOT remember between Add and Remove,
// which may be another process's.
//
// Faults: Wait "DNSUnavailable" (RetryAfter where given), Operator "DNSRefused".
type DNSZone interface {
	// Name is the zone's, in lower case without a dot at the end.
	Name() string
	// Add adds the records. Idempotent by name and value.
	Add(ctx context.Context, records []DNSRecord) error
	// Remove removes these records and no others. Idempotent: what is not there is removed.
	Remove(ctx context.Context, records []DNSRecord) error
}

// DNSRecords knows which records were put into DNS, so that the next worker removes each of them after a kill. Faults:
// Wait "DatabaseUnavailable".
type DNSRecords interface {
	// PutRecords stores the records under the order. It MUST be called before DNS has them. Idempotent by order, zone,
	// name and value. An unknown order is an Operator fault "UnknownOrder".
	PutRecords(ctx context.Context, orderID string, records []DNSRecord) error
	// OrderRecords are the records of an order, and those among them that another order has put into the same zone as
	// well (the CA may hand one authorization to two orders). The latter stay in DNS, and this call forgets them:
	// whichever order goes last has none that are shared, and removes them.
	OrderRecords(ctx context.Context, orderID string) (all, shared []DNSRecord, err error)
	// ForgetRecords removes them from the store once DNS no longer has them. One that was put again since it was read
	// is in DNS again, or will be: it stays. Without a mark, it goes whenever it was put. Idempotent.
	ForgetRecords(ctx context.Context, orderID string, records []DNSRecord) error
	// OrphanedOrders lists up to limit orders, after the given one, that have records and that nobody works on at now:
	// issued, abandoned or run out, or of a certificate that was released, or that waits for its next attempt after a
	// failure.
	OrphanedOrders(ctx context.Context, now time.Time, after string, limit int) (orderIDs []string, err error)
}
