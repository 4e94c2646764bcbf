package sealing

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gocloud.dev/secrets"
	// Each registers its URL scheme and does nothing else on import.
	_ "gocloud.dev/secrets/awskms"
	_ "gocloud.dev/secrets/azurekeyvault"
	_ "gocloud.dev/secrets/gcpkms"
	_ "gocloud.dev/secrets/hashivault"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Sealer = (*Keeper)(nil)

// setting is how people know Config.KeyURL.
const setting = "--sealing-key (EVERLEAF_SEALING_KEY)"

// Config says which key seals secrets.
type Config struct {
	// KeyURL is the setting sealing-key: file:///path, awskms://, azurekeyvault://, gcpkms:// or hashivault:// (as
	// gocloud.dev/secrets documents them). It holds no secret.
	KeyURL string
}

// services are the key services' URL schemes with the parameters that their libraries document. Others are refused
// here, because the libraries quote the whole URL: a token given by mistake would be shown.
var services = map[string][]string{
	"awskms": {"region", "profile", "role", "endpoint", "hostname_immutable", "dualstack", "fips", "anonymous",
		"rate_limiter_capacity", "request_checksum_calculation", "response_checksum_validation"},
	"azurekeyvault": {"algorithm"},
	"gcpkms":        {"additional_authenticated_data"},
	"hashivault":    {"engine"},
}

// Keeper seals secrets and opens them again. It is safe for concurrent use.
type Keeper struct {
	keeper *secrets.Keeper
	// local says that the key is a file: no service is asked, so nothing can be out of reach.
	local bool
}

// Open takes the sealing key into use. A key service is not asked until the first Seal or Open, but its library may
// look for credentials (gcpkms does). Faults: Operator "SealingKeyMalformed", which never shows the key.
func Open(ctx context.Context, config Config) (*Keeper, error) {
	keyURL := strings.TrimSpace(config.KeyURL)
	if keyURL == "" {
		return nil, malformed(nil, "is empty: %s", howToMake)
	}
	scheme, _, found := strings.Cut(keyURL, ":")
	parameters, service := services[scheme]
	switch {
	case scheme == "base64key":
		// A key in a setting ends in process lists, shell histories and manifests.
		return nil, malformed(nil, "holds the key itself, which others on the machine can read there: "+
			"put the key into a file, name it as file:///path, and make a new key if this one was in use")
	case found && scheme == "file":
		return openFile(keyURL)
	case found && service:
		return openService(ctx, scheme, keyURL, parameters)
	}
	// Not quoted: someone may have given the key itself.
	return nil, malformed(nil, "is not a URL that begins with file, %s; %s",
		strings.Join(slices.Sorted(maps.Keys(services)), ", "), howToMake)
}

func openService(ctx context.Context, scheme, keyURL string, parameters []string) (*Keeper, error) {
	u, err := url.Parse(keyURL)
	if err != nil {
		return nil, malformed(nil, "is not a well-formed %s:// URL", scheme)
	}
	if u.User != nil {
		return nil, malformed(nil, "must not hold a user or password: %s takes credentials from the environment", scheme)
	}
	for name := range u.Query() {
		encryptionContext := scheme == "awskms" && strings.HasPrefix(name, "context_")
		if !encryptionContext && !slices.Contains(parameters, name) {
			return nil, malformed(nil, "has the parameter %q, and %s takes only: %s", name, scheme, strings.Join(parameters, ", "))
		}
	}
	keeper, err := secrets.OpenKeeper(ctx, keyURL)
	if err != nil {
		return nil, malformed(err, "names a key that the %s library does not accept: correct the URL, or the credentials "+
			"in the environment", scheme)
	}
	return &Keeper{keeper: keeper}, nil
}

// Close gives back what the key service's client holds. The keeper must not be used after it.
func (k *Keeper) Close() error {
	if err := k.keeper.Close(); err != nil {
		return fmt.Errorf("close sealing key: %w", err)
	}
	return nil
}

// malformed is about the setting: what tells what is wrong with it and what to do.
func malformed(cause error, what string, args ...any) *domain.Fault {
	return domain.NewFault(domain.FaultOperator, "SealingKeyMalformed", cause, setting+" cannot work: it "+what, args...)
}
