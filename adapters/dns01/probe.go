package dns01

import (
	"context"
	"crypto/rand"
	"strings"

	"everleaf/ports"
)

// Probe writes a TXT record of its own into the zone, and removes it again. It answers with the record's name. Faults:
// those of ports.DNSZone.
func Probe(ctx context.Context, zone ZoneConfig, config Config) (name string, err error) {
	_, kind, err := zone.Kind()
	if err != nil {
		return "", err
	}
	z := kind.New(zone.Zone, config)
	name = "_everleaf-doctor-" + strings.ToLower(rand.Text()[:10]) + "." + z.Name()
	record := []ports.DNSRecord{{Zone: z.Name(), Name: name, Value: "a check by everleaf doctor; remove it"}}
	err = z.Add(ctx, record)
	// Also after a failure: the answer may be lost while the record is there.
	if removed := z.Remove(context.WithoutCancel(ctx), record); err == nil {
		err = removed
	}
	return name, err
}
