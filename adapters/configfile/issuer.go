package configfile

import (
	"encoding/base64"
	"strings"
	"time"

	"everleaf/adapters/acme"
)

// issuer is one CA as the file has it.
type issuer struct {
	Name string `json:"name"`
	// Preset names a CA of the table; else Directory is its URL.
	Preset    string `json:"preset"`
	Directory string `json:"directory"`
	// Email is the account's contact.
	Email string `json:"email"`
	// CABundle is the path of a PEM file with the roots of the CA's own web server.
	CABundle string `json:"caBundle"`
	// Timeout bounds one call to the CA, as "20s"; 10 s if it is left out.
	Timeout            string `json:"timeout"`
	EAB                *eab   `json:"eab"`
	OnlyReturnExisting bool   `json:"onlyReturnExisting"`
}

// eab are the credentials for a new account.
type eab struct {
	KeyID   string `json:"keyID"`
	HMACKey string `json:"hmacKey"`
}

// resolve makes the config, or says which field cannot work and how to correct it.
func (i issuer) resolve() (config acme.Config, field, fix string) {
	config = acme.Config{
		Issuer: i.Name, Directory: i.Directory, Email: i.Email, CABundle: i.CABundle,
		OnlyReturnExisting: i.OnlyReturnExisting,
	}
	if i.Preset == "" && i.Directory == "" {
		return config, ".preset", "it is missing, and so is directory: choose one of " + presetNames() +
			", or give the directory's URL"
	}
	if i.Preset != "" {
		known, ok := presets[i.Preset]
		switch {
		case !ok:
			return config, ".preset", "there is none called \"" + i.Preset + "\": choose one of " + presetNames() +
				", or give directory instead"
		case known.own != "" && i.Directory == "":
			return config, ".directory", "it is missing: " + known.own
		case known.own == "" && i.Directory != "":
			return config, ".directory", "preset " + i.Preset + " stands for " + known.directory + ": leave out one or the other"
		case known.eab != "" && i.EAB == nil && !i.OnlyReturnExisting:
			return config, ".eab", "it is missing: this CA makes an account only for credentials that it gave you. " + known.eab
		case known.own == "":
			config.Directory = known.directory
		}
	}
	if i.Timeout != "" {
		timeout, err := time.ParseDuration(i.Timeout)
		if err != nil || timeout <= 0 {
			return config, ".timeout", "it is not a duration above 0 such as 30s"
		}
		config.Timeout = timeout
	}
	if i.EAB != nil {
		key := unpadded.Replace(i.EAB.HMACKey)
		switch raw, err := base64.RawURLEncoding.DecodeString(key); {
		case i.EAB.KeyID == "":
			return config, ".eab.keyID", "it is missing: the CA gives it together with the HMAC key"
		case i.EAB.HMACKey == "":
			return config, ".eab.hmacKey", "it is missing: the CA gives it together with the key ID"
		case err != nil || len(raw) == 0:
			return config, ".eab.hmacKey", "it is not base64url: take it as the CA gave it, without quotes or line ends of " +
				"its own"
		}
		config.EAB = acme.EAB{KeyID: i.EAB.KeyID, HMACKey: key}
	}
	return config, "", ""
}

// unpadded makes base64url without padding, which RFC 8555 §7.3.4 wants, of the other kinds that CAs show.
var unpadded = strings.NewReplacer("+", "-", "/", "_", "=", "")
