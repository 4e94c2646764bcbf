package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/app"
)

func TestDoctorSaysWhatItSees(t *testing.T) {
	args := []string{"doctor", "--roles=responder", "--postgres-url=postgres://db", "--responder-name=www.example.com"}
	b := newBench(t)
	b.findings = []app.Finding{{Verdict: app.VerdictOK, Subject: "postgres", Detail: "version 1"},
		{Verdict: app.VerdictWarn, Subject: "task queue everleaf", Detail: "no worker yet"}}
	b.exits(t, exitOK, b.run(t.Context(), args...))
	require.Equal(t, "ok    postgres: version 1\nwarn  task queue everleaf: no worker yet\n", b.out.String())
	require.Empty(t, b.err.String())
	require.Equal(t, "www.example.com", b.responderName)
	require.Equal(t, "postgres://db", b.config.Postgres.URL)

	findings := append(b.findings, app.Finding{Verdict: app.VerdictFail, Subject: "issuer a", Detail: "no answer"})
	b = newBench(t)
	b.findings = findings
	b.exits(t, exitProblem, b.run(t.Context(), args...))
	require.Contains(t, b.out.String(), "fail  issuer a: no answer\n")
	require.Equal(t, "everleaf: 1 failure of 3 looked at\n", b.err.String())

	b = newBench(t)
	b.findings = findings
	b.exits(t, exitProblem, b.run(t.Context(), append(args, "-o", "json")...))
	var read []app.Finding
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &read), b.out)
	require.Equal(t, findings, read)
	require.JSONEq(t, `[{"verdict": "ok", "subject": "postgres", "detail": "version 1"},
		{"verdict": "warn", "subject": "task queue everleaf", "detail": "no worker yet"},
		{"verdict": "fail", "subject": "issuer a", "detail": "no answer"}]`, b.out.String(), "programs read it")

	b = newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), "doctor"))
	b = newBench(t)
	b.exits(t, exitUsage, b.run(t.Context(), "doctor", "--postgres-url=postgres://db", "--roles=workflows"))
	require.Contains(t, b.err.String(), "--sealing-key (EVERLEAF_SEALING_KEY) is missing")
}
