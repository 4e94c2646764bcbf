package configfile

import (
	"cmp"
	"encoding/base64"
	"strings"
	"time"

	"everleaf/adapters/acme"
)

// issuer is one CA as the file has it.
type issuer struct {
	// Name is what specs call the CA by; specs that name none have the one called default.
	Name string `json:"name"`
	// Preset is a CA that many use, by its name in the table of presets; empty means a CA given by directory alone.
	Preset string `json:"preset,omitempty"`
	// Directory is the URL of the CA's ACME directory, https; empty means the preset's.
	Directory string `json:"directory,omitempty"`
	// Email is the account's contact; empty for none.
	Email string `json:"email,omitempty"`
	// CABundle is the path of a PEM file with the roots of the CA's own web server; empty means the system's.
	CABundle string `json:"caBundle,omitempty"`
	// Timeout bounds one call to the CA, as "20s"; empty means 10 seconds.
	Timeout string `json:"timeout,omitempty"`
	EAB     *eab   `json:"eab,omitempty"`
	// OnlyReturnExisting is whether no account is ever made: the CA must know one by a stored key; empty means false.
	OnlyReturnExisting bool `json:"onlyReturnExisting,omitempty"`
}

// eab are the CA's credentials for a new account (external account binding); empty for none.
type eab struct {
	// KeyID is the identifier that the CA has given.
	KeyID string `json:"keyID"`
	// HMACKey is the key that the CA has given with it, in base64url.
	HMACKey string `json:"hmacKey"`
}

// resolve makes the config, and says which fields cannot work and how to correct them. In the place of what cannot work
// it has something that can, so that the rest can be checked.
func (i issuer) resolve(wrong func(field, fix string)) acme.Config {
	config := acme.Config{
		Issuer: i.Name, Directory: i.Directory, Email: i.Email, CABundle: i.CABundle,
		OnlyReturnExisting: i.OnlyReturnExisting,
	}
	known, ok := presets[i.Preset]
	switch {
	case i.Preset == "" && i.Directory == "":
		wrong(".preset", "it is missing, and so is directory: choose one of "+presetNames()+", or give the directory's URL")
	case i.Preset != "" && !ok:
		wrong(".preset", "there is none called \""+i.Preset+"\": choose one of "+presetNames()+", or give directory instead")
	case known.own != "" && i.Directory == "":
		wrong(".directory", "it is missing: "+known.own)
	case ok && known.own == "" && i.Directory != "":
		wrong(".directory", "preset "+i.Preset+" stands for "+known.directory+": leave out one or the other")
	}
	config.Directory = cmp.Or(i.Directory, known.directory, LetsEncrypt)
	if i.Timeout != "" {
		timeout, err := time.ParseDuration(i.Timeout)
		if err != nil || timeout <= 0 {
			wrong(".timeout", "it is not a duration above 0 such as 30s")
		} else {
			config.Timeout = timeout
		}
	}
	if i.EAB != nil {
		config.EAB = i.EAB.resolve(wrong)
	} else if known.eab != "" && !i.OnlyReturnExisting {
		wrong(".eab", "it is missing: this CA makes an account only for credentials that it gave you. "+known.eab)
	}
	return config
}

func (e eab) resolve(wrong func(field, fix string)) acme.EAB {
	if e.KeyID == "" {
		wrong(".eab.keyID", "it is missing: the CA gives it together with the HMAC key")
	}
	key := unpadded.Replace(e.HMACKey)
	switch raw, err := base64.RawURLEncoding.DecodeString(key); {
	case e.HMACKey == "":
		wrong(".eab.hmacKey", "it is missing: the CA gives it together with the key ID")
	case err != nil || len(raw) == 0:
		wrong(".eab.hmacKey", "it is not base64url: take it as the CA gave it, without quotes or line ends of its own")
	case e.KeyID != "":
		return acme.EAB{KeyID: e.KeyID, HMACKey: key}
	}
	return acme.EAB{}
}

// unpadded makes base64url without padding, which RFC 8555 §7.3.4 wants, of the other kinds that CAs show.
var unpadded = strings.NewReplacer("+", "-", "/", "_", "=", "")
