package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// everleafCommand is a call of the binary; what stands before it (". file;") and behind it is the shell's.
	everleafCommand = regexp.MustCompile(`(?:^|[;&|] *)(?:\.bin/)?everleaf((?: [^;&|#]*)?)`)
	word            = regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`)
	unquote         = strings.NewReplacer("'", "", `"`, "")
)

// Commands in code blocks are whole: the command line takes them, as far as one can see without running them. Those in
// backticks may leave out what they are not about.
func TestCommandsAreTaken(t *testing.T) {
	taken := 0
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			if b.Kind == "go" || strings.HasSuffix(p.Path, "commands.md") { // that is made from the command line
				continue
			}
			for line := range strings.Lines(b.Text) {
				for _, match := range everleafCommand.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
					taken++
					_, err := parsed(t, match[1], (*kong.Kong).Parse)
					assert.NoError(t, err, "%s: everleaf%s", p.Path, match[1])
				}
			}
		}
		for _, span := range p.Spans {
			match := everleafCommand.FindStringSubmatch(span)
			if match == nil || !strings.HasPrefix(strings.TrimPrefix(span, ".bin/"), "everleaf ") {
				continue
			}
			taken++
			said, _, _ := strings.Cut(match[1], "…")
			command, err := parsed(t, said, func(parser *kong.Kong, args []string) (*kong.Context, error) {
				return kong.Trace(parser, args)
			})
			if assert.NoError(t, err, "%s: %s", p.Path, span) && command != nil {
				assert.NoError(t, command.Error, "%s: %s", p.Path, span)
			}
		}
	}
	require.Greater(t, taken, 10)
}

// parsed asks kong for a command; nil if it has printed a help text. Settings that commands require come from the
// environment, as in life.
func parsed(t *testing.T, command string,
	parse func(*kong.Kong, []string) (*kong.Context, error)) (c *kong.Context, err error) {
	t.Helper()
	defer func() {
		if wish := recover(); wish != nil {
			require.IsType(t, exited(0), wish)
		}
	}()
	kit := newBench(t).kit
	kit.out, kit.err = io.Discard, io.Discard
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://everleaf@localhost/everleaf")
	t.Setenv("EVERLEAF_SEALING_KEY", "file:///etc/everleaf/sealing.key")
	parser, err := newParser(t.Context(), &cli{}, kit)
	require.NoError(t, err)
	var args []string
	for _, w := range word.FindAllString(command, -1) {
		args = append(args, unquote.Replace(w))
	}
	return parse(parser, args)
}
