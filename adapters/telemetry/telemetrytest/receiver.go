package telemetrytest

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // exporters may compress
	"google.golang.org/protobuf/proto"
)

// Span is a received span, in hexadecimal and text.
type Span struct {
	TraceID, SpanID, ParentID string
	Name, Scope, Service      string
	// Attributes are the span's, Events the attributes of its events.
	Attributes map[string]string
	Events     []map[string]string
	// Links are the trace IDs that it links to.
	Links []string
	Error string
}

// Receiver keeps every span that is sent to it.
type Receiver struct {
	collector.UnimplementedTraceServiceServer
	// HTTP and GRPC are the endpoints for OTEL_EXPORTER_OTLP_ENDPOINT.
	HTTP, GRPC string

	mu    sync.Mutex
	spans []Span
}

// Start starts a receiver that ends with the test.
func Start(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{}
	web := httptest.NewServer(http.HandlerFunc(r.serveHTTP))
	t.Cleanup(web.Close)
	r.HTTP = web.URL

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, r)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	r.GRPC = "http://" + listener.Addr().String()
	return r
}

// Spans are those received so far.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Span(nil), r.spans...)
}

func (r *Receiver) serveHTTP(w http.ResponseWriter, request *http.Request) {
	var body io.Reader = request.Body
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	var batch collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &batch)
	}
	if err != nil || request.URL.Path != "/v1/traces" {
		http.Error(w, "not a batch of spans", http.StatusBadRequest)
		return
	}
	answer, _ := r.Export(request.Context(), &batch)
	out, _ := proto.Marshal(answer) // an empty message
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(out)
}

// Export implements OTLP's trace service.
func (r *Receiver) Export(_ context.Context,
	batch *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range batch.GetResourceSpans() {
		service := texts(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				span := Span{
					TraceID: hex.EncodeToString(s.GetTraceId()), SpanID: hex.EncodeToString(s.GetSpanId()),
					ParentID: hex.EncodeToString(s.GetParentSpanId()), Name: s.GetName(),
					Scope:   scope.GetScope().GetName(),
					Service: service, Attributes: texts(s.GetAttributes()), Error: s.GetStatus().GetMessage(),
				}
				for _, event := range s.GetEvents() {
					span.Events = append(span.Events, texts(event.GetAttributes()))
				}
				for _, link := range s.GetLinks() {
					span.Links = append(span.Links, hex.EncodeToString(link.GetTraceId()))
				}
				r.spans = append(r.spans, span)
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func texts(attributes []*common.KeyValue) map[string]string {
	found := map[string]string{}
	for _, attribute := range attributes {
		text := attribute.GetValue().GetStringValue()
		if text == "" {
			text = attribute.GetValue().String()
		}
		found[attribute.GetKey()] = text
	}
	return found
}
