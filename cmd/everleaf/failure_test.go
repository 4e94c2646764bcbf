package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
)

// Programs read a failure on stdout; people still have their line on stderr.
func TestAFailureIsJSONToo(t *testing.T) {
	limited := domain.NewFault(domain.FaultRateLimited, "RateLimited", errors.New("429\nslow down"),
		"the CA asks to wait").WithRetryAfter(time.Minute)
	status := []string{"cert", "status", name}
	for _, c := range []struct {
		title string
		args  []string
		err   error
		code  int
		want  string // "" for no JSON
	}{
		{"a fault", append(status, "-o", "json"), limited, exitProblem,
			`{"error": {"kind": "RateLimited", "reason": "RateLimited", "message": "the CA asks to wait: 429 slow down", "retryAfter": 60000000000}}`},
		{"a malformed setting", append(status, "-o", "json"),
			domain.NewFault(domain.FaultOperator, "PostgresURLMalformed", nil, "it is empty"), exitUsage,
			`{"error": {"kind": "Operator", "reason": "PostgresURLMalformed", "message": "it is empty"}}`},
		{"no fault", append(status, "--output=json"), errors.New("odd"), exitProblem,
			`{"error": {"kind": "Operator", "reason": "Unexpected", "message": "odd"}}`},
		{"interrupted", append(status, "-ojson"), context.Canceled, exitInterrupted,
			`{"error": {"kind": "Wait", "reason": "Interrupted", "message": "context canceled"}}`},
		{"usage", append(status, "--output", "json", "--qqqqqqqq"), nil, exitUsage,
			"{\"error\": {\"kind\": \"Spec\", \"reason\": \"Usage\", \"message\": \"unknown flag --qqqqqqqq; see `everleaf cert status --help`\"}}"},
		{"a table", status, limited, exitProblem, ""},
		{"the last one counts", append(status, "-o", "json", "-otable"), limited, exitProblem, ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			b := newBench(t)
			if c.err != nil {
				b.keeper.EXPECT().Status(gomock.Any(), name).Return(app.Status{}, c.err)
			}
			b.exits(t, c.code, b.run(t.Context(), c.args...))
			require.True(t, strings.HasPrefix(b.err.String(), "everleaf: "))
			if c.want == "" {
				require.Empty(t, b.out.String())
				return
			}
			require.JSONEq(t, c.want, b.out.String())
		})
	}
}

func TestATimeoutIsJSONToo(t *testing.T) {
	b := newBench(t)
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(app.Status{}, errors.New("not there yet"))
	b.keeper.EXPECT().Renew(gomock.Any(), name,
		app.RenewRequest{}).DoAndReturn(func(ctx context.Context, _ string, _ app.RenewRequest) (app.Status, error) {
		<-ctx.Done()
		return app.Status{}, ctx.Err()
	})
	b.exits(t, exitTimeout, b.run(t.Context(), "cert", "renew", name, "--timeout", "10ms", "-o", "json"))
	var got failure
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &got))
	require.EqualValues(t, "Timeout", got.Error.Reason)
}

// Until a changed spec is issued, the names beside the serial are those of the certificate in service.
func TestCardTellsNamesInServiceFromNamesRequested(t *testing.T) {
	for _, c := range []struct {
		requested []string
		says      string
	}{
		{[]string{name}, "Names www.example.com Issuer"},
		{[]string{"WWW.example.com"}, "Names www.example.com Issuer"},
		{[]string{name, "b.example.com"}, "Names www.example.com Requested www.example.com, b.example.com Issuer"},
	} {
		b := newBench(t)
		status := ready()
		status.Spec.Names = c.requested
		b.keeper.EXPECT().Status(gomock.Any(), name).Return(status, nil)
		b.exits(t, exitOK, b.run(t.Context(), "cert", "status", name))
		require.Contains(t, strings.Join(strings.Fields(b.out.String()), " "), c.says)
	}
}
