package temporal

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"everleaf/domain"
)

const (
	grace    = time.Minute
	pollCall = workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName
)

// watched calls the interceptor as gRPC does.
type watched struct {
	*Polls
	reported []error
}

func watch(t *testing.T) *watched {
	w := &watched{}
	w.Polls = NewPolls(Config{Client: client.Options{HostPort: "t:7233", Namespace: "ns"}}, grace,
		func(err error) { w.reported = append(w.reported, err) })
	return w
}

// poll is answered with err after a while.
func (w *watched) poll(method string, after time.Duration, err error) {
	_ = w.intercept(context.Background(), method, nil, nil, nil,
		func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			time.Sleep(after)
			return err
		})
}

// refuse is what the SDK does while polls are refused: it asks again within ten seconds.
func (w *watched) refuse(code codes.Code, span time.Duration) {
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(10 * time.Second) {
		w.poll(pollCall, 10*time.Millisecond, status.Error(code, "no"))
	}
}

func TestRefusedForGoodIsReportedOnce(t *testing.T) {
	for _, code := range []codes.Code{codes.PermissionDenied, codes.Unauthenticated} {
		synctest.Test(t, func(t *testing.T) {
			w := watch(t)
			w.refuse(code, grace)
			require.Empty(t, w.reported, "not before the grace is over")
			require.ErrorContains(t, w.Refused(), "check TEMPORAL_API_KEY", "readiness knows at once")
			w.refuse(code, grace)
			require.Len(t, w.reported, 1)
			requireFault(t, w.reported[0], domain.FaultOperator, "TemporalRefused",
				`Temporal at t:7233 refuses these credentials for namespace "ns"`)
			require.NoError(t, w.Stuck())
		})
	}
}

func TestWhatIsNoLoss(t *testing.T) {
	for title, live := range map[string]func(w *watched){
		"an accepted poll in between": func(w *watched) {
			for range 5 {
				w.refuse(codes.PermissionDenied, grace*3/4)
				w.poll(pollCall, time.Millisecond, nil)
			}
		},
		"polls that wait for work meanwhile, at another of the server's hosts": func(w *watched) {
			var all sync.WaitGroup
			defer all.Wait()
			for range 5 {
				all.Go(func() { time.Sleep(time.Second); w.poll(pollCall, time.Minute, nil) })
				w.refuse(codes.PermissionDenied, time.Minute)
			}
		},
		"two blips, and an idle minute between them": func(w *watched) {
			w.refuse(codes.Unauthenticated, 30*time.Second)
			time.Sleep(time.Minute)
			w.refuse(codes.Unauthenticated, 30*time.Second)
		},
		"a server that is away": func(w *watched) { w.refuse(codes.Unavailable, 10*grace) },
		"an idle queue": func(w *watched) {
			w.poll(pollCall, 70*time.Second,
				status.Error(codes.DeadlineExceeded, ""))
		},
		"a worker that is stopped": func(w *watched) { w.refuse(codes.Canceled, 10*grace) },
		"a refusal of another call": func(w *watched) {
			for range 100 {
				w.poll(workflowservice.WorkflowService_DescribeNamespace_FullMethodName, time.Second,
					status.Error(codes.PermissionDenied, "no"))
			}
		},
	} {
		t.Run(title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(t)
				live(w)
				require.Empty(t, w.reported)
				time.Sleep(pollSilence + time.Second)
				require.NoError(t, w.Refused(), "readiness turns back")
				require.NoError(t, w.Stuck())
			})
		})
	}
}

// A poll that was accepted before the credentials were lost comes back a minute later, and proves nothing.
func TestAnOldPollIsNoAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		go w.poll(pollCall, 50*time.Second, nil)
		time.Sleep(time.Second)
		w.refuse(codes.PermissionDenied, grace+20*time.Second)
		require.Len(t, w.reported, 1)
	})
}

func TestAStuckPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		go w.poll(pollCall, time.Hour, nil)
		time.Sleep(pollLimit)
		require.NoError(t, w.Stuck())
		time.Sleep(time.Second)
		requireFault(t, w.Stuck(), domain.FaultOperator, "PollStuck", "restart the process")
		time.Sleep(time.Hour)
		require.NoError(t, w.Stuck())
	})
}

// refusing is a server that lets nobody poll; nobody else is asked.
type refusing struct {
	workflowservice.UnimplementedWorkflowServiceServer
	polls atomic.Int32
}

func (r *refusing) PollActivityTaskQueue(context.Context,
	*workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	r.polls.Add(1)
	return nil, status.Error(codes.Unauthenticated, "token expired")
}

func serve(t *testing.T, service workflowservice.WorkflowServiceServer, options ...grpc.ServerOption) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer(options...)
	workflowservice.RegisterWorkflowServiceServer(s, service)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().String()
}

// pollUntilLost polls through a real client until the watch reports.
func pollUntilLost(t *testing.T, options client.Options) error {
	t.Helper()
	options.Namespace, options.Logger = "ns", nil
	config := Config{Client: options}
	reported := make(chan error, 1)
	polls := NewPolls(config, 200*time.Millisecond, func(err error) { reported <- err })
	config.Client = polls.Watch(options)
	c, err := NewClient(config, quiet())
	require.NoError(t, err)
	defer c.Close()
	ctx := bounded(t, 20*time.Second)
	for ctx.Err() == nil {
		_, err := c.WorkflowService().PollActivityTaskQueue(ctx,
			&workflowservice.PollActivityTaskQueueRequest{Namespace: "ns"})
		require.Error(t, err)
		select {
		case err := <-reported:
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("never reported")
	return nil
}

// The interceptor sits in the real client, where it sees what the server says.
func TestTheRealClientIsWatched(t *testing.T) {
	t.Parallel()
	service := &refusing{}
	err := pollUntilLost(t, client.Options{HostPort: serve(t, service)})
	requireFault(t, err, domain.FaultOperator, "TemporalRefused", "token expired")
	require.Greater(t, service.polls.Load(), int32(1))
}

// A client certificate that the server takes no longer ends the handshake, not the call.
func TestARefusedClientCertificate(t *testing.T) {
	t.Parallel()
	pair, roots := certificate(t)
	service := serve(t, &refusing{}, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots,
	})))
	stranger, _ := certificate(t)
	options := client.Options{HostPort: service}
	options.ConnectionOptions.TLS = &tls.Config{RootCAs: roots,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &stranger, nil
		}}
	requireFault(t, pollUntilLost(t, options), domain.FaultOperator, "TemporalRefused", "TEMPORAL_TLS_CLIENT_CERT_PATH")
}

// certificate signs itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

func TestPollFaultNamesTheReason(t *testing.T) {
	t.Parallel()
	config := Config{Client: client.Options{HostPort: "t:7233", Namespace: "ns"}}
	requireFault(t, PollFault(serviceerror.NewNamespaceNotFound("ns"), config), domain.FaultOperator,
		"UnknownNamespace", `no namespace "ns"`)
	requireFault(t, PollFault(serviceerror.NewClientVersionNotSupported("1", "go", "2"), config), domain.FaultOperator,
		"WorkerFailed", "t:7233")
}
