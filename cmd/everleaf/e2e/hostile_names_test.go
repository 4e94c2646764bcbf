package e2e

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"everleaf/ports"
)

// A certificate's name becomes a part of file names and of text that people read: one that could do harm there is
// refused at each door, and nothing is stored.
func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	a := s.abroad()
	const good = `{"spec":{"names":["hostile.example.test"]}}`
	// The SDK's client refuses what it cannot put into a header: Everleaf's own leaves such a header out.
	connection, err := grpc.NewClient(upstream(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer connection.Close()
	server := workflowservice.NewWorkflowServiceClient(connection)
	for _, name := range []string{"../../etc/x", "UPPER CASE", "escape\x1b[2J", "nul\x00", "-flag", "a/b", "a..b",
		"*.example.test", "ümlaut", "new\nline", strings.Repeat("n", 254)} {
		_, err := a.call("Ensure", map[string]any{"name": name,
			"spec": map[string]any{"names": []string{"hostile.example.test"}}})
		refused(t, errors.New(faultAbroad(t, err).Message), "name")
		if printable := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0; printable {
			refused(t, s.begin(name, plain(good)), "name")
			_, err := s.ensure(name, good, good)
			refused(t, err, "name")
		} else {
			_, err := server.StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
				Namespace: client.DefaultNamespace, WorkflowId: ports.WorkflowID(name),
				WorkflowType: &commonpb.WorkflowType{Name: ports.CertificateWorkflow},
				TaskQueue:    &taskqueuepb.TaskQueue{Name: s.queue},
				Input:        &commonpb.Payloads{Payloads: []*commonpb.Payload{plain(good).Payload()}},
				RequestId:    s.name + name,
			})
			require.NoError(t, err)
			s.eventually("the refusal", func() bool {
				described, err := server.DescribeWorkflowExecution(t.Context(),
					&workflowservice.DescribeWorkflowExecutionRequest{
						Namespace: client.DefaultNamespace,
						Execution: &commonpb.WorkflowExecution{WorkflowId: ports.WorkflowID(name)},
					})
				require.NoError(t, err)
				return described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
			})
		}
		if !strings.Contains(name, "\x00") { // no argument has one
			answer := s.cli("cert", "ensure", "--name", "hostile.example.test", "--", name)
			require.NotZero(t, answer.code, name)
			refused(t, errors.New(answer.stderr), "name")
		}
	}
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates`))
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE certificate <> ''`))
	require.NotContains(t, s.log.String(), "\x1b", "what a terminal would obey")
	s.must("cert", "ensure", s.name, "--name", "good.example.test")
}

// What is of another type than it should be is refused in words, as an input and as an update's argument.
func TestInputsOfOtherTypesAreRefused(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	kept := s.name + "-kept"
	s.must("cert", "ensure", kept, "--name", "hostile.example.test")
	for input, says := range map[string]string{
		`null`: "input: empty", `[]`: "input: ", `"text"`: "input: ", `7`: "input: ", `true`: "input: ",
		`{`: "input: ", `{}`: "names: empty",
		`{"spec":null}`: "names: empty", `{"spec":[]}`: "spec", `{"spec":{"names":7}}`: "spec.names",
		`{"spec":{"names":null}}`: "names: empty",
		`{"spec":{"names":[7]}}`:  "spec.names", `{"spec":{"names":[null]}}`: "names",
		`{"spec":{"names":{}}}`:                                          "spec.names",
		`{"spec":{"names":["a.example.test"],"profile":{}}}`:             "spec.profile",
		`{"spec":{"names":["a.example.test"],"issuers":"default"}}`:      "spec.issuers",
		`{"spec":{"names":["a.example.test"],"deliveries":{"a":1}}}`:     "spec.deliveries",
		`{"spec":{"names":["nul\u0000.example.test"]}}`:                  "names",
		`{"spec":{"names":["a.example.test"],"profile":"esc\u001b[2J"}}`: "profile",
	} {
		refused(t, s.begin(s.name, plain(input)), says)
		if input != `{` { // which is no JSON at all
			err := s.update(kept, ports.EnsureUpdate, plain(input))
			require.Error(t, err, input)
			require.Less(t, len(err.Error()), 1500)
		}
	}
	foreign := converter.NewRawValue(&commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/encrypted")},
		Data:     []byte("\x00\x01\x02"),
	})
	refused(t, s.begin(s.name, foreign), "input: ")
	refused(t, s.begin(s.name), "input: empty")
	refused(t, s.begin(s.name, []byte("\xff\xfe")), "input: ")
	require.NoError(t, s.temporal.SignalWorkflow(t.Context(), ports.WorkflowID(kept), "", ports.RecordChangedSignal,
		foreign))
	require.NoError(t, s.temporal.SignalWorkflow(t.Context(), ports.WorkflowID(kept), "", "NoSuchSignal", 7))
	require.Error(t, s.update(kept, "NoSuchUpdate", 7))
	s.must("cert", "renew", kept)
	s.unhurt(ports.WorkflowID(kept), "")
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM certificates`))
	require.Equal(t, 2, s.scalar(`SELECT count(*) FROM versions`))
}
