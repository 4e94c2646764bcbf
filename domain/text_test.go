package domain

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 9, ""},
		{"plain", 9, "plain"},
		{"  a \t\n b  ", 9, "a b"},
		{"a\x00b\x1b[31mc\u202ed", 20, "a b [31mc d"},
		{"a\u00a0b", 9, "a b"},
		{"a\xffb\ufffdc", 9, "a?b?c"},
		{"exactly 9", 9, "exactly 9"},
		{"exactly 9 ", 9, "exactly 9"},
		{"exactly 10", 9, "exactl…"},
		{"üüüü", 8, "üüüü"},
		{"üüüüü", 8, "üü…"}, // five octets are left, and two and a half letters
		{"\U0001f600\U0001f600", 7, "\U0001f600…"},
		{"\U0001f600\U0001f600", 6, "…"},
		{"aaaa", 3, "…"},
		{strings.Repeat(" ", 100) + "a", 9, "a"},
	} {
		got := oneLine(c.text, c.limit)
		require.Equal(t, c.want, got, "%q", c.text)
		require.LessOrEqual(t, len(got), c.limit, "%q", c.text)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"a\n\x00\"ü"`, quote("a\n\x00\"ü"))
	require.Equal(t, `"`+strings.Repeat("a", 300)+`"`, quote(strings.Repeat("a", 300)))
	require.Equal(t, `"`+strings.Repeat("a", 300)+`"…`, quote(strings.Repeat("a", 301)))
	require.Equal(t, `"a`+strings.Repeat("ü", 149)+`"…`, quote("a"+strings.Repeat("ü", 150)))
	require.Equal(t, `""…`, quote(strings.Repeat("\x80", 301)), "no character begins there")
}

func TestAndMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []string
		limit  int
		want   string
	}{
		{nil, 20, ""},
		{[]string{"a"}, 20, "a"},
		{[]string{"12345678901234567890"}, 20, "12345678901234567890"},
		{[]string{"123456789012345678901"}, 20, "12345678901234567…"},
		{[]string{"a", "b", "c"}, 20, "a, b, c"},
		{[]string{"123456789", "123456789"}, 20, "123456789, 123456789"},
		{[]string{"123456789", "1234567890"}, 20, "123456789 and 1 more"},
		{[]string{"1234567890", "1"}, 20, "123456…, 1"},
		{[]string{"12345", "7", "b"}, 20, "12345, 7, b"},
		{[]string{"12345", "7", "1234567890a"}, 20, "12345, 7 and 1 more"},
		{[]string{"12345", "890", "123456789"}, 20, "12345 and 2 more"},
		{[]string{"1234567890", "12345678901"}, 20, "123456… and 1 more"},
		{[]string{"a\nb", "c"}, 20, "a b, c"},
		{strings.Split(strings.Repeat("a", 12), ""), 20, "a, a, a and 9 more"},
	} {
		got := andMore(c.values, c.limit)
		require.Equal(t, c.want, got, "%q", c.values)
	}
}

func TestCallerTextIsBounded(t *testing.T) {
	require.Equal(t, "alice@laptop", CallerText("alice@laptop"))
	require.Equal(t, "alice evil", CallerText("alice\x1b\n evil"))
	require.Len(t, CallerText(strings.Repeat("x", 1<<20)), 200)
}
