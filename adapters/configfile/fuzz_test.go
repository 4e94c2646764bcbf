package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A file is read, or refused by a fault that does not show what a variable holds.
func FuzzConfigurationFile(f *testing.F) {
	for _, seed := range []string{"issuers: [{name: a, preset: zerossl, eab: {keyID: k, hmacKey: '${HMAC}'}}]",
		"targets: [{name: a, webhook: {url: https://${HOST}, secret: 'whsec_${HMAC}'}}, {name: b, pull: {clients: [a]}}]",
		"dns: [{zone: a.example, rfc2136: {server: b, tsig: {name: k, secret: '${HMAC}'}}}]",
		"issuers: &a [*a]", "- a", "\xff", "a: !!float x",
		"issuers: [{name: a, timeout: 1e9}]"} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "everleaf.yaml")
	f.Fuzz(func(t *testing.T, content []byte) {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		file, err := Read(path)
		check := func(err error) {
			if err != nil {
				require.Equal(t, domain.ReasonInvalidSetting, domain.AsFault(err).Reason)
				require.False(t, strings.Contains(err.Error(), secret) && !strings.Contains(string(content), secret), err)
			}
		}
		check(err)
		if file == nil {
			return
		}
		_, err = file.Issuers(environment)
		check(err)
		_, err = file.Targets(environment, all)
		check(err)
		_, err = file.Zones(environment)
		check(err)
	})
}
