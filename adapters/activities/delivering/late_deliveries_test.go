package delivering_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"everleaf/adapters/activities/activitytest"
	"everleaf/adapters/activities/delivering"
	"everleaf/adapters/delivery"
	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/system"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// site is the steps on a real database and a real directory; only the sealing is a stand-in.
type site struct {
	*testing.T
	pool         *pgxpool.Pool
	env          *testsuite.TestActivityEnvironment
	certificates *postgres.Certificates
	deliveries   *postgres.Deliveries
	notifier     *mocks.MockNotifier
	targets      *delivery.Targets
	dir          string
	// before is called before a delivery contacts the target.
	before func()
}

// cutOff is a target whose deliveries are held up.
type cutOff struct {
	ports.Target
	site *site
}

func (c cutOff) Deliver(ctx context.Context, bundle ports.Bundle) (string, error) {
	c.site.before()
	return c.Target.Deliver(ctx, bundle)
}

// Target implements ports.Targets.
func (s *site) Target(name string) (ports.Target, error) {
	target, err := s.targets.Target(name)
	return cutOff{target, s}, err
}

func newSite(t *testing.T) *site {
	t.Helper()
	pool, _ := postgrestest.New(t)
	ctrl := gomock.NewController(t)
	s := &site{T: t, pool: pool, env: activitytest.Env(nil), certificates: postgres.NewCertificates(pool),
		deliveries: postgres.NewDeliveries(pool),
		notifier:   mocks.NewMockNotifier(ctrl), dir: t.TempDir()}
	targets, err := delivery.New([]delivery.Config{{Name: "files",
		Directory: &delivery.Directory{Path: filepath.Join(s.dir, "{name}")}}}, delivery.Deps{})
	require.NoError(t, err)
	s.targets, s.before = targets, func() {}
	keys := mocks.NewMockKeys(ctrl)
	keys.EXPECT().Open(gomock.Any(), gomock.Any()).AnyTimes().DoAndReturn(func(_ context.Context,
		pair ports.SealedPair) ([]byte, error) {
		return bytes.Clone(pair.Key.Sealed), nil
	})
	delivering.Register(s.env, delivering.New(delivering.Params{Deliveries: s.deliveries, Targets: s, Keys: keys,
		Notifier: s.notifier,
		Clock:    system.Clock{}, Observer: activitytest.Unobserved{}}))
	return s
}

// issue puts a version into service whose key and chain are these words.
func (s *site) issue(words string) (version string) {
	s.Helper()
	orders := postgres.NewOrders(s.pool)
	order, err := orders.OpenOrder(s.Context(), ports.NewOrder{Certificate: "web", Key: words, Issuer: "main",
		Spec: domain.Spec{Names: []string{"web.example"}}.WithDefaults(), CSR: []byte("csr"),
		SealedKey: ports.SealedKey{ID: uuid.NewString(), Sealed: []byte("key of " + words)}})
	require.NoError(s, err)
	_, err = orders.RecordPlaced(s.Context(), "web", order.ID, "https://ca.example/"+words, time.Now().Add(time.Hour))
	require.NoError(s, err)
	issued, err := s.certificates.RecordIssued(s.Context(), "web", order.ID,
		domain.Issued{Issuer: "main", Names: []string{"web.example"}, Serial: words, NotBefore: time.Now(),
			NotAfter: time.Now().Add(time.Hour)}, []byte("chain of "+words))
	require.NoError(s, err)
	return issued.Version
}

func (s *site) deliver(version string) error {
	_, err := activitytest.Call(s, s.env, ports.DeliverCertificate,
		ports.DeliverCertificateInput{Certificate: "web", Target: "files", Version: version})
	return err
}

func (s *site) remove() error {
	_, err := activitytest.Call(s, s.env, ports.RemoveDelivery,
		ports.RemoveDeliveryInput{Certificate: "web", Target: "files"})
	return err
}

// target is the directory itself.
func (s *site) target() ports.Target {
	s.Helper()
	target, err := s.targets.Target("files")
	require.NoError(s, err)
	return target
}

// there is the key at the target, empty if there is none.
func (s *site) there() string {
	key, _ := os.ReadFile(filepath.Join(s.dir, "web", "tls.key"))
	return string(key)
}

// recorded is the version that the record has of the target; met reports whether the target is in the record.
func (s *site) recorded() (version string, met bool) {
	s.Helper()
	record, err := s.certificates.Record(s.Context(), "web")
	require.NoError(s, err)
	for _, d := range record.Deliveries {
		return d.Version, true
	}
	return "", false
}

func (s *site) requireRecorded(version string, met bool) {
	s.Helper()
	gotVersion, gotMet := s.recorded()
	require.Equal(s, []any{version, met}, []any{gotVersion, gotMet})
}

func (s *site) requireReason(err error, reason domain.Reason) {
	s.Helper()
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) {
		require.Equal(s, reason, fault.Reason)
		return
	}
	_, fault := activitytest.FaultIn(s, err)
	require.Equal(s, reason, fault.Reason)
}

func TestADeliverysLife(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.issue("one")
	s.requireRecorded("", false)
	require.NoError(t, s.deliver(first))
	require.Equal(t, "key of one", s.there())
	s.requireRecorded(first, true)

	// A file is lost: the sweep stores that, and the workflow delivers again.
	require.NoError(t, os.Remove(filepath.Join(s.dir, "web", "tls.key")))
	s.notifier.EXPECT().RecordChanged(gomock.Any(),
		"web").Do(func(context.Context, string) { s.requireRecorded("", true) })
	out, err := activitytest.Call(t, s.env, ports.SweepDeliveries, ports.SweepDeliveriesInput{})
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{out.Checked, out.Drifted})
	require.NoError(t, s.deliver(first))
	require.Equal(t, "key of one", s.there())
	s.requireRecorded(first, true)

	second := s.issue("two")
	s.requireReason(s.deliver(first), domain.ReasonVersionReplaced)
	require.NoError(t, s.deliver(second))
	require.Equal(t, "key of two", s.there())
	require.NoError(t, s.remove())
	require.Empty(t, s.there())
	s.requireRecorded("", false)
	require.NoError(t, s.deliver(second))
	require.Equal(t, "key of two", s.there())
}

// A try that has its number, and comes to the target or to the record only after a later step, changes neither.
func TestALateTryUndoesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	version := s.issue("one")
	require.NoError(t, s.deliver(version))
	late, err := s.deliveries.BeginRemoval(t.Context(),
		ports.DeliveryRequest{Certificate: "web", Target: "files", ID: "late"})
	require.NoError(t, err)
	s.requireRecorded("", true)
	require.NoError(t, s.deliver(version))
	_, err = s.deliveries.BeginRemoval(t.Context(),
		ports.DeliveryRequest{Certificate: "web", Target: "files", ID: "late"})
	s.requireReason(err, domain.ReasonVersionReplaced)
	s.requireReason(s.target().Remove(t.Context(), ports.Removal{Certificate: "web", Target: "files", Sequence: late}),
		domain.ReasonVersionReplaced)
	s.requireReason(s.deliveries.RecordRemoved(t.Context(), "web", "files", late), domain.ReasonVersionReplaced)
	require.Equal(t, "key of one", s.there())
	s.requireRecorded(version, true)
}

// A delivery that comes to the target after it was cleared takes away again what it has put there.
func TestALateDeliveryLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	version := s.issue("one")
	s.before = func() { // the step is cut off just before it contacts the target
		s.before = func() {}
		require.NoError(t, s.remove())
		require.Empty(t, s.there())
	}
	s.requireReason(s.deliver(version), domain.ReasonVersionReplaced)
	require.Empty(t, s.there())
	s.requireRecorded("", false)
}

// After a backup of the database is restored, its numbers go on beyond those that the target has seen. Where its clock
// does not allow that, a person is asked: a workflow that got another version would find the same one again and again.
func TestARestoredBackup(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	version := s.issue("one")
	require.NoError(t, s.deliver(version))
	_, err := s.pool.Exec(t.Context(), `DELETE FROM delivery_sequences`)
	require.NoError(t, err)
	require.NoError(t, s.deliver(version))

	_, err = s.pool.Exec(t.Context(), `UPDATE delivery_sequences SET sequence = sequence + 86400::bigint * 1000000`)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(s.dir, "web")))
	require.NoError(t, s.deliver(version))
	_, err = s.pool.Exec(t.Context(), `DELETE FROM delivery_sequences`)
	require.NoError(t, err)
	s.requireReason(s.deliver(version), domain.ReasonTargetAhead)
	require.Error(t, s.remove())
}
