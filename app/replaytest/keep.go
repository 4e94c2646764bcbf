package replaytest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/proto"
)

// The recording machine's name, users and folders are nobody's business.
var (
	// names are in identities and sticky queues.
	names = regexp.MustCompile(`"(identity|name)": "(?:[^"]*@[^"]*|[^":]*:[0-9a-f-]{36})"`)
	// folders are a test's own.
	folders = regexp.MustCompile(regexp.QuoteMeta(os.TempDir()) + `(?:/[\w.-]+)*`)
)

// Keep adds a history of this run of the workflow to the corpus, or replaces the one of that name, and writes its
// transcript. The history must replay, and its events must hold what the replay does.
func Keep(t testing.TB, corpus, name, run string, history *historypb.History, register func(worker.WorkflowRegistry)) {
	t.Helper()
	require.NoError(t, clean(history))
	encoded, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(t, err)
	path := filepath.Join(corpus, name+".json")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, append(names.ReplaceAll(encoded, []byte(`"$1": "everleaf"`)), '\n'), 0o644))
	transcript, err := transcribe(t, path, run, register)
	require.NoError(t, err, path)
	transcript.write(t, path)
	listed, err := sums(corpus)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(corpus, sumsFile), []byte(listed), 0o644))
}

// clean puts another path in the place of each folder.
func clean(history *historypb.History) error {
	const instead = "/srv/folder"
	payload := func(_ *proxy.VisitPayloadsContext, all []*commonpb.Payload) ([]*commonpb.Payload, error) {
		for i, payload := range all {
			all[i] = proto.CloneOf(payload)
			all[i].Data = folders.ReplaceAll(payload.GetData(), []byte(instead))
		}
		return all, nil
	}
	failure := func(_ *proxy.VisitFailuresContext, f *failurepb.Failure) error {
		f.Message = folders.ReplaceAllString(f.GetMessage(), instead)
		return nil
	}
	if err := proxy.VisitPayloads(context.Background(), history,
		proxy.VisitPayloadsOptions{Visitor: payload}); err != nil {
		return err
	}
	return proxy.VisitFailures(context.Background(), history, proxy.VisitFailuresOptions{Visitor: failure})
}
