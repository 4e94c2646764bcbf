package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"everleaf/adapters/servertest"
)

// The examples of package caller are tests against a stand-in where they live; here they speak to the shipped worker.
func TestExamplesRunOnTheWholeStack(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.ownNamespace()
	s.worker()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // it is compiled first
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^Example", "everleaf/adapters/caller")
	cmd.Env = append(s.env, "EVERLEAF_TEST_TEMPORAL="+servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: ExampleClient_Repeat")
	require.Equal(t, 3, s.scalar(`SELECT count(*) FROM certificates`), "real certificates")
}

// The commands of Temporal's CLI that docs/api.md shows, to the letter and in its order.
func TestTemporalCLI(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.ownNamespace()
	s.worker()
	says := []string{
		"certificate/shop", `"phase":"Ready"`, `"phase":"Ready"`, `"wouldIssue":true`, `"generation":1`, `"cycle":2`,
		`"cycle":3`, `"name":"blog"`, `"phase":"Ready"`,
		"", `"phase":"Ready"`, // terminated, and gone on with
		"", "Ready", // nothing fails; the current details
	}
	commands := commandsOf(t, "../docs/api.md", "temporal workflow ")
	require.Len(t, commands, len(says))
	for i, command := range commands {
		out, err := s.shell(command)
		require.NoError(t, err, "%s\n%s", command, out)
		require.Contains(t, strings.ReplaceAll(out, `": `, `":`), says[i], command)
	}
	out, err := s.shell(`temporal workflow update execute --workflow-id certificate/shop --name Ensure --input '{"spec": {"names": ["a_b.example.com"]}}'`)
	require.Error(t, err, "a problem is a failed command")
	require.Contains(t, out, "an underscore, which no CA may certify")
	require.Contains(t, out, "type: Spec")
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions WHERE revocation_reason = 'superseded'`))
}

// commandsOf are the lines of a page's code blocks that begin with prefix.
func commandsOf(t *testing.T, page, prefix string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if command := strings.TrimSpace(line); strings.HasPrefix(line, "    ") && strings.HasPrefix(command, prefix) {
			commands = append(commands, command)
		}
	}
	return commands
}

// shell runs command lines with the shipped binary and the Temporal CLI of the tests.
func (s *stack) shell(line string) (string, error) {
	s.t.Helper()
	cli := servertest.Setting(s.t, "EVERLEAF_TEST_TEMPORAL_CLI")
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `temporal() { "$CLI" "$@"; }; everleaf() { "$BINARY" "$@"; }; `+line)
	cmd.Env = append(s.env, "CLI="+cli, "BINARY="+binary)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// plain is an argument as other SDKs send it: these bytes and no type of ours.
func plain(text string) converter.RawValue {
	return converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte("json/plain")}, Data: []byte(text),
	})
}

// object reads an answer as another SDK would.
func object(t testing.TB, raw converter.RawValue) (out map[string]any) {
	t.Helper()
	require.Equal(t, "json/plain", string(raw.Payload().GetMetadata()[converter.MetadataEncoding]))
	decoder := json.NewDecoder(bytes.NewReader(raw.Payload().GetData()))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&out))
	return out
}

// ensure asks with literal bytes and gives the answer's.
func (s *stack) ensure(name, input, request string) (converter.RawValue, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	start := s.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: "certificate/" + name, TaskQueue: s.queue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, "Certificate", plain(input))
	handle, err := s.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{UpdateName: "Ensure", Args: []any{plain(request)},
			WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err != nil {
		return converter.RawValue{}, err
	}
	var raw converter.RawValue
	err = handle.Get(ctx, &raw)
	return raw, err
}

// What the JSON converters of other SDKs write, byte for byte, is understood; and their programs understand the answer.
func TestOtherSDKs(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker()
	for sdk, bytes := range map[string]string{
		"python":     `{"spec":{"names":["python.example.test"]}}`,
		"typescript": `{"spec":{"names":["typescript.example.test"],"keyType":"ecdsa-p384","issuers":["default"],"challenge":"http-01"}}`,
		"java":       `{"spec":{"names":["java.example.test"],"keyType":null,"profile":null,"issuers":null,"challenge":null}}`,
	} {
		t.Run(sdk, func(t *testing.T) {
			t.Parallel()
			raw, err := s.ensure(s.name+"-"+sdk, bytes, bytes)
			require.NoError(t, err, "log:\n%s\nCA:\n%s", s.log, s.ca.Log())
			status := object(t, raw)
			require.Equal(t, "Ready", status["phase"])
			require.Equal(t, s.name+"-"+sdk, status["name"])
			require.Equal(t, json.Number("1"), status["cycle"])
			issued := status["issued"].(map[string]any)
			require.Equal(t, []any{sdk + ".example.test"}, issued["names"])
			notAfter, err := time.Parse(time.RFC3339, issued["notAfter"].(string))
			require.NoError(t, err)
			require.InDelta(t, 90*24, time.Until(notAfter).Hours(), 1)
			_, err = time.Parse(time.RFC3339, status["renewal"].(map[string]any)["at"].(string))
			require.NoError(t, err)
		})
	}
}

// A wrong type is refused with the field's name, before anything enters a history; a problem is an application failure
// whose type is the kind and whose first detail is an object.
func TestOtherSDKsLearnWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker()
	good := `{"spec":{"names":["good.example.test"]}}`
	_, err := s.ensure(s.name, good, good)
	require.NoError(t, err)
	_, err = s.ensure(s.name, good, `{"spec":{"names":"www.example.test"}}`)
	require.ErrorContains(t, err, "spec.names")
	require.ErrorContains(t, err, "cannot unmarshal string")
	_, err = s.ensure(s.name, good, `{"spec":{"names":["good.example.test"],"colour":"green"}}`)
	require.ErrorContains(t, err, `"spec.colour": there is no such field`)

	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(429, "rateLimited", "too many new orders", "Retry-After", "120")})
	limited := `{"spec":{"names":["limited.example.test"]}}`
	_, err = s.ensure(s.name, good, limited)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, "RateLimited", application.Type())
	var raw converter.RawValue
	require.NoError(t, application.Details(&raw))
	fault := object(t, raw)
	require.Equal(t, "RateLimited", fault["kind"])
	require.Equal(t, "rateLimited", strings.ToLower(fault["reason"].(string)[:1])+fault["reason"].(string)[1:])
	require.Contains(t, fault["message"], "too many new orders")
	require.Equal(t, json.Number("120000000000"), fault["retryAfter"], "durations are nanoseconds")

	// A plain start carries no answer: its workflow fails, and says so in its history.
	run, err := s.temporal.ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: "certificate/" + s.name + "-wrong", TaskQueue: s.queue},
		"Certificate", plain(`{"spec":{"names":"www.example.test"}}`))
	require.NoError(t, err)
	require.ErrorContains(t, run.Get(t.Context(), nil), "spec.names")
}
