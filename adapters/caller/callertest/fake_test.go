package callertest_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/caller"
	"everleaf/adapters/caller/callertest"
	"everleaf/adapters/caller/callertest/suite"
)

// The end-to-end tests run the same suite on a real worker.
func TestTheFakeBehavesAsAWorkerDoes(t *testing.T) {
	t.Parallel()
	fake := callertest.New()
	suite.Run(t, suite.World{Certificates: fake, Prefix: "fake", Target: "place",
		Reject: func(name string) (accept func()) {
			fake.Fail(name, caller.Fault{Kind: caller.FaultName, Reason: "NameRejected", Message: "not this name"})
			return func() { fake.Succeed(name) }
		},
		Limit: func(name string) (lift func()) {
			fake.Fail(name, caller.Fault{Kind: caller.FaultRateLimited, Reason: "RateLimited", Message: "too many",
				RetryAfter: 2 * time.Hour})
			return func() { fake.Succeed(name) }
		},
	})
}

func TestWhatAReaderChangesIsItsOwn(t *testing.T) {
	t.Parallel()
	fake := callertest.New()
	first, err := fake.Ensure(t.Context(), "shop", caller.Spec{Names: []string{"shop.example.com"}})
	require.NoError(t, err)
	first.Issued.Names[0], first.Issued.Version, first.Spec.Names[0], first.Renewal.Reason = "x", "x", "x", "x"
	again, err := fake.Status(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, []string{"shop.example.com"}, again.Issued.Names)
	require.Equal(t, []string{"shop.example.com"}, again.Spec.Names)
	require.NotEqual(t, "x", again.Issued.Version)
	require.NotEqual(t, "x", again.Renewal.Reason)
}

// What a client can do and the interface lacks would be in neither the fake nor the suite.
func TestTheInterfaceHasAllThatAClientOffers(t *testing.T) {
	t.Parallel()
	client, offered := reflect.TypeFor[*caller.Client](), reflect.TypeFor[caller.Certificates]()
	for method := range client.Methods() {
		_, ok := offered.MethodByName(method.Name)
		require.True(t, ok, "%s is not in caller.Certificates", method.Name)
	}
}

func TestTheMockStandsForAllThatAClientOffers(t *testing.T) {
	t.Parallel()
	mock := callertest.NewMockCertificates(gomock.NewController(t))
	var certificates caller.Certificates = mock
	away := &caller.Fault{Kind: caller.FaultWait, Reason: "NoWorker", Message: "no worker answers"}
	mock.EXPECT().Ensure(gomock.Any(), "shop", gomock.Any()).Return(caller.Status{}, away)
	_, err := certificates.Ensure(t.Context(), "shop", caller.Spec{})
	require.True(t, errors.Is(err, away))
}
