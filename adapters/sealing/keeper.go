package sealing

import (
	"context"
	"errors"
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

var _ ports.KeyRing = (*Keeper)(nil)

// How people know Config's fields.
const (
	setting    = "--sealing-key (EVERLEAF_SEALING_KEY)"
	settingOld = "--sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD)"
)

// Config says which key seals secrets, and which others open them.
//
// To rotate the key without a pause:
//
//  1. Give every worker the new key as an old one, while the present one stays in KeyURL: from here on each opens what
//     the other seals.
//  2. Swap them: the new key in KeyURL, the former one in OldKeyURLs. The first worker that starts so makes it the
//     current one, and from then on the sweep reseals, in the background, what the former key sealed;
//     `everleaf reseal` does it at once.
//  3. When `everleaf reseal` says that nothing is left, take the former key out of OldKeyURLs and, later, out of
//     service.
//
// A single worker may begin with step 2. Where step 1 was left out, a worker that knows the former key alone goes on
// until it meets what the new key has sealed, which it leaves to others (Operator "SealingKeyWrong", tried again every
// ten minutes), and does not start again. To go back after step 2, swap the keys again and run `everleaf reseal`.
type Config struct {
	// KeyURL is the setting sealing-key: file:///path, awskms://, azurekeyvault://, gcpkms:// or hashivault:// (as
	// gocloud.dev/secrets documents them). It holds no secret.
	KeyURL string
	// OldKeyURLs is the setting sealing-keys-old: they open what the key of KeyURL does not, and seal nothing.
	OldKeyURLs []string
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
	// keys has the current one first.
	keys []*key
}

// key is one sealing key.
type key struct {
	keeper *secrets.Keeper
	// setting is how people know it.
	setting string
	// mark is how everything begins that it seals.
	mark [markLength]byte
	// local reports whether the key is a file: no service is asked, so nothing can be out of reach, and the mark is the
	// key's own.
	local bool
}

// Open takes the sealing keys into use. A key service is not asked until the first Seal or Open, but its library may
// look for credentials (gcpkms does). Faults: Operator "SealingKeyMalformed", which never shows the key.
func Open(ctx context.Context, config Config) (*Keeper, error) {
	current, err := openKey(ctx, setting, config.KeyURL)
	if err != nil {
		return nil, err
	}
	k := &Keeper{keys: []*key{current}}
	for i, keyURL := range config.OldKeyURLs {
		old, err := openKey(ctx, fmt.Sprintf("entry %d of %s", i+1, settingOld), keyURL)
		if err != nil {
			return nil, errors.Join(err, k.Close())
		}
		if slices.ContainsFunc(k.keys, func(known *key) bool { return known.mark == old.mark }) {
			_ = old.keeper.Close() // the same key again: nothing was written through it
			continue
		}
		k.keys = append(k.keys, old)
	}
	return k, nil
}

// openKey names the setting in what is wrong with it.
func openKey(ctx context.Context, setting, keyURL string) (*key, error) {
	k, err := openURL(ctx, strings.TrimSpace(keyURL))
	if fault, ok := errors.AsType[*domain.Fault](err); ok {
		fault.Message = setting + " cannot work: it " + fault.Message
	}
	if err != nil {
		return nil, err
	}
	k.setting = setting
	return k, nil
}

func openURL(ctx context.Context, keyURL string) (*key, error) {
	if keyURL == "" {
		return nil, malformedFault(nil, "is empty: %s", howToMake)
	}
	scheme, _, found := strings.Cut(keyURL, ":")
	parameters, service := services[scheme]
	switch {
	case scheme == "base64key":
		// A key in a setting ends in process lists, shell histories and manifests.
		return nil, malformedFault(nil, "holds the key itself, which others on the machine can read there: "+
			"put the key into a file, name it as file:///path, and make a new key if this one was in use")
	case found && scheme == "file":
		return openFile(keyURL)
	case found && service:
		return openService(ctx, scheme, keyURL, parameters)
	}
	// Not quoted: someone may have given the key itself.
	return nil, malformedFault(nil, "is not a URL that begins with file, %s; %s",
		strings.Join(slices.Sorted(maps.Keys(services)), ", "), howToMake)
}

func openService(ctx context.Context, scheme, keyURL string, parameters []string) (*key, error) {
	u, err := url.Parse(keyURL)
	if err != nil {
		return nil, malformedFault(nil, "is not a well-formed %s:// URL", scheme)
	}
	if u.User != nil {
		return nil, malformedFault(nil, "must not hold a user or password: %s takes credentials from the environment",
			scheme)
	}
	for name := range u.Query() {
		encryptionContext := scheme == "awskms" && strings.HasPrefix(name, "context_")
		if !encryptionContext && !slices.Contains(parameters, name) {
			return nil, malformedFault(nil, "has the parameter %q, and %s takes only: %s", name, scheme,
				strings.Join(parameters, ", "))
		}
	}
	keeper, err := secrets.OpenKeeper(ctx, keyURL)
	if err != nil {
		return nil, malformedFault(err, "names a key that the %s library does not accept: correct the URL, or the "+
			"credentials "+
			"in the environment", scheme)
	}
	return &key{keeper: keeper, mark: serviceMark(keyURL)}, nil
}

// Close gives back what the key services' clients hold. The keeper must not be used after it.
func (k *Keeper) Close() error {
	var errs []error
	for _, key := range k.keys {
		if err := key.keeper.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close sealing key: %w", err))
		}
	}
	return errors.Join(errs...)
}

// malformedFault is about a setting: what says what is wrong with it and what to do. openKey names it.
func malformedFault(cause error, what string, args ...any) *domain.Fault {
	return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyMalformed, cause, what, args...)
}
