package acme

import (
	"encoding/base64"
	"strings"

	"everleaf/domain"
)

// eabSetting is where the binding is given.
const eabSetting = "issuers[].eab in the config file"

// EAB is an external account binding (RFC 8555 §7.3.4): what a CA's console gives its customer. It is used at most once
// for each new account key, as some CAs take each binding once. It prints as nothing but its name.
type EAB struct {
	KeyID string
	// HMACKey is base64url, with or without padding.
	HMACKey string
}

// String and GoString keep the key out of what prints a whole configuration.
func (e EAB) String() string {
	if e.none() {
		return "EAB(none)"
	}
	return "EAB(hidden)"
}

// GoString implements fmt.GoStringer.
func (e EAB) GoString() string { return e.String() }

// MarshalText implements encoding.TextMarshaler, for loggers.
func (e EAB) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

func (e EAB) none() bool { return e == EAB{} }

// key is the MAC key as acmez takes it.
func (e EAB) key() string { return strings.TrimRight(e.HMACKey, "=") }

// check names the setting and never its value.
func (e EAB) check(issuer string) error {
	refuse := func(fix string) error {
		return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
			"issuer %q: eab (%s) cannot work: %s",
			issuer, eabSetting, fix)
	}
	if e.none() {
		return nil
	}
	if e.KeyID == "" || e.HMACKey == "" {
		return refuse("it needs both keyID and hmacKey")
	}
	if key, err := base64.RawURLEncoding.DecodeString(e.key()); err != nil || len(key) == 0 {
		return refuse("hmacKey is not base64url; give it as the CA's console shows it")
	}
	return nil
}
