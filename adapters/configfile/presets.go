package configfile

import (
	"maps"
	"slices"
	"strings"
)

// preset is a CA that many use.
type preset struct {
	directory string
	// eab says where to get the credentials for external account binding; empty where none are asked for.
	eab string
	// own says what to give for a CA that everybody runs for themselves; it has no directory of its own here.
	own string
}

// LetsEncrypt is the directory of the CA that is taken where none is chosen.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// The directories as the CAs publish them, November 2026.
var presets = map[string]preset{
	"letsencrypt":         {directory: LetsEncrypt},
	"letsencrypt-staging": {directory: "https://acme-staging-v02.api.letsencrypt.org/directory"},
	"google": {
		directory: "https://dv.acme-v02.api.pki.goog/directory",
		eab: "Get them by `gcloud publicca external-account-keys create`; they are good for one account, made " +
			"within 7 days",
	},
	"google-staging": {
		directory: "https://dv.acme-v02.test-api.pki.goog/directory",
		eab: "Get them by `gcloud publicca external-account-keys create`, with gcloud's api_endpoint_overrides/publicca " +
			"set to " +
			"https://preprod-publicca.googleapis.com/; those for production are refused",
	},
	"zerossl": {
		directory: "https://acme.zerossl.com/v2/DV90",
		eab:       "Make them in ZeroSSL's dashboard under Developer, EAB Credentials",
	},
	"sslcom":     {directory: "https://acme.ssl.com/sslcom-dv-ecc", eab: sslcomEAB},
	"sslcom-rsa": {directory: "https://acme.ssl.com/sslcom-dv-rsa", eab: sslcomEAB},
	"step-ca":    {own: "step-ca is a CA of your own; give its URL, https://HOST/acme/PROVISIONER/directory"},
}

const sslcomEAB = "Take the account/ACME key and the HMAC key from SSL.com's dashboard under API credentials"

// Presets are the names that an issuer's preset may have, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

func presetNames() string { return strings.Join(Presets(), ", ") }
