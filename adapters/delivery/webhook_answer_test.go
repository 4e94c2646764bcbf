package delivery

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoSpellingOfTheTokenIsQuoted(t *testing.T) {
	t.Parallel()
	const token = "c2VjcmV0LXRva2VuLW9mLW91cnM"
	for _, echo := range []string{token, strings.Join(strings.Split(token, ""), "\x00"),
		token[:9] + "\r\n" + token[9:]} {
		require.Equal(t, ` with "got [token]"`, (&WebhookTarget{}).quote(strings.NewReader("got "+echo), token))
	}
}
