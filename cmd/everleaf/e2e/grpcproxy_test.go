package e2e

import (
	"context"
	"maps"
	"net"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// grpcProxy stands in front of the real Temporal server, hands calls on as they are, counts them, and refuses or holds
// polls.
type grpcProxy struct {
	t       testing.TB
	Address string
	server  *grpc.Server
	behind  *grpc.ClientConn

	mu      sync.Mutex
	refusal codes.Code     // polls are answered with it; OK hands them on
	held    chan struct{}  // polls wait until it is closed; nil hands them on
	turn    chan struct{}  // closed when the refusal changes
	calls   map[string]int // that did work, by method: see didWork
}

func newGRPCProxy(t testing.TB, upstream string) *grpcProxy {
	t.Helper()
	behind, err := grpc.NewClient(upstream, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	require.NoError(t, err)
	p := &grpcProxy{t: t, Address: "127.0.0.1:0", behind: behind, turn: make(chan struct{}), calls: map[string]int{}}
	p.start()
	t.Cleanup(func() { p.stop(); _ = behind.Close() })
	return p
}

// start listens, after a stop at the same address.
func (p *grpcProxy) start() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.Address)
	require.NoError(p.t, err)
	p.Address = listener.Addr().String()
	p.server = grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(p.handle))
	go func(s *grpc.Server) { _ = s.Serve(listener) }(p.server)
}

// stop cuts every connection; nobody listens any more.
func (p *grpcProxy) stop() { p.server.Stop() }

// refuse answers polls with code from now on, those under way too; OK hands them on again.
func (p *grpcProxy) refuse(code codes.Code) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusal = code
	close(p.turn)
	p.turn = make(chan struct{})
}

// hold keeps polls from the server until it is freed.
func (p *grpcProxy) hold() (free func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := make(chan struct{})
	p.held = held
	return func() { close(held) }
}

func (p *grpcProxy) handle(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var in, out frame
	if err := stream.RecvMsg(&in); err != nil {
		return err
	}
	received, _ := metadata.FromIncomingContext(stream.Context())
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(stream.Context(), received))
	defer cancel()
	if name := path.Base(method); strings.HasPrefix(name, "Poll") && strings.HasSuffix(name, "TaskQueue") {
		if err := p.admit(ctx, cancel); err != nil {
			return err
		}
	}
	if err := p.behind.Invoke(ctx, method, &in, &out); err != nil {
		return err
	}
	if didWork(path.Base(method), out) {
		p.mu.Lock()
		p.calls[path.Base(method)]++
		p.mu.Unlock()
	}
	return stream.SendMsg(&out)
}

// didWork reports whether a call has to do with a task: it brought one, or the answer to one. Polls in vain and what a
// process says about itself come with time, however much there is to do.
func didWork(method string, answer frame) bool {
	switch method {
	case "PollWorkflowTaskQueue":
		var polled workflowservice.PollWorkflowTaskQueueResponse
		return proto.Unmarshal(answer, &polled) == nil && len(polled.GetTaskToken()) > 0
	case "PollActivityTaskQueue":
		var polled workflowservice.PollActivityTaskQueueResponse
		return proto.Unmarshal(answer, &polled) == nil && len(polled.GetTaskToken()) > 0
	default:
		return strings.HasPrefix(method, "Respond") || method == "RecordActivityTaskHeartbeat"
	}
}

// counted is how many calls of each method did work so far.
func (p *grpcProxy) counted() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.calls)
}

func TestCountedCalls(t *testing.T) {
	encoded := func(m proto.Message) frame {
		text, err := proto.Marshal(m)
		require.NoError(t, err)
		return text
	}
	require.True(t, didWork("PollWorkflowTaskQueue",
		encoded(&workflowservice.PollWorkflowTaskQueueResponse{TaskToken: []byte("a"), Attempt: 1})))
	require.False(t, didWork("PollWorkflowTaskQueue",
		encoded(&workflowservice.PollWorkflowTaskQueueResponse{Attempt: 1})))
	require.True(t, didWork("PollActivityTaskQueue",
		encoded(&workflowservice.PollActivityTaskQueueResponse{TaskToken: []byte("a"), Attempt: 1})))
	require.False(t, didWork("PollActivityTaskQueue", nil))
	require.True(t, didWork("RespondWorkflowTaskCompleted", nil))
	require.True(t, didWork("RecordActivityTaskHeartbeat", nil))
	require.False(t, didWork("DescribeNamespace", nil))
	require.False(t, didWork("RecordWorkerHeartbeat", nil))
}

// admit lets a poll pass, refuses it, or holds it; what it let pass is cut when that changes.
func (p *grpcProxy) admit(ctx context.Context, cut func()) error {
	p.mu.Lock()
	refusal, held, turn := p.refusal, p.held, p.turn
	p.mu.Unlock()
	if refusal != codes.OK {
		return grpcstatus.Error(refusal, "the test says no")
	}
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go func() {
		select {
		case <-turn:
			cut()
		case <-ctx.Done():
		}
	}()
	return nil
}

// frame is a message as it came.
type frame []byte

// raw is the codec of frames; it bears the name of the one that it stands for.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)      { return *v.(*frame), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*frame) = append(frame(nil), data...); return nil }
func (raw) Name() string                       { return "proto" }
