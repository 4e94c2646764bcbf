package delivering

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// fleet answers with these deliveries, page by page.
func (r *rig) fleet(host string, all []ports.DeliveredTo) {
	r.deliveries.EXPECT().Delivered(anything, host, anything, sweepPage).AnyTimes().DoAndReturn(
		func(_ context.Context, _ string, after ports.DeliveredTo, limit int) (ports.DeliveredPage, error) {
			begin := 0
			for i, d := range all {
				if d == after {
					begin = i + 1
				}
			}
			page := ports.DeliveredPage{Deliveries: all[begin:min(len(all), begin+limit)], Done: begin+limit > len(all)}
			page.After = page.Deliveries[len(page.Deliveries)-1]
			return page, nil
		})
}

func deliveredTo(n int) (all []ports.DeliveredTo) {
	for i := range n {
		all = append(all, ports.DeliveredTo{Certificate: fmt.Sprintf("shop-%04d", i/2),
			Target:  []string{"haproxy@west", "nginx@west"}[i%2],
			Version: fmt.Sprintf("v-%04d", i/2)})
	}
	return all
}

// looks has each look at a target answered by the certificate and target.
func (r *rig) looks(answer func(certificate string) (string, error)) {
	r.targets.EXPECT().Target(anything).AnyTimes().Return(r.target, nil)
	r.deliveries.EXPECT().Bundle(anything, anything,
		anything).AnyTimes().DoAndReturn(func(_ context.Context, certificate, _ string) (ports.KeyPair, error) {
		return pair(func(p *ports.KeyPair) { p.Record.Name = certificate }), nil
	})
	r.keys.EXPECT().Open(anything, anything).AnyTimes().DoAndReturn(func(context.Context, ports.SealedPair) ([]byte,
		error) {
		return []byte("private"), nil
	})
	r.target.EXPECT().Drift(anything, anything).AnyTimes().DoAndReturn(func(_ context.Context, b ports.Bundle) (string,
		error) {
		require.NotContains(r, b.Certificate, "lost", "what has drifted is not looked at")
		return answer(b.Certificate)
	})
}

func TestSweepDeliveriesNotifiesEachDriftedCertificateOnce(t *testing.T) {
	r := newRig(t)
	r.fleet("west", deliveredTo(250))
	r.looks(func(certificate string) (string, error) {
		switch certificate {
		case "shop-0003", "shop-0120":
			return "tls.key is gone", nil
		case "shop-0007":
			return "", targetFault // cannot be looked at: no drift
		}
		return "", nil
	})
	drift := func(certificate, version string) (drifts []ports.Drift) {
		for _, target := range []string{"haproxy@west", "nginx@west"} {
			drifts = append(drifts, ports.Drift{DeliveredTo: ports.DeliveredTo{Certificate: certificate,
				Target: target, Version: version}, What: "tls.key is gone"})
		}
		return drifts
	}
	r.observer.EXPECT().DeliveryDrifted(anything, anything).Times(4)
	gomock.InOrder(
		r.deliveries.EXPECT().RecordDrifted(anything, drift("shop-0003", "v-0003")),
		r.notifier.EXPECT().RecordChanged(anything, "shop-0003"),
		r.deliveries.EXPECT().RecordDrifted(anything, drift("shop-0120", "v-0120")),
		r.notifier.EXPECT().RecordChanged(anything,
			"shop-0120").Return(domain.NewFault(domain.FaultSpec, "WorkflowEnded", nil, "its workflow has ended")),
	)
	out, err := call(r, ports.SweepDeliveries, ports.SweepDeliveriesInput{Host: "west"})
	require.NoError(t, err)
	require.Equal(t, ports.SweepDeliveriesOutput{After: deliveredTo(250)[249], Done: true, Checked: 250, Drifted: 4},
		out)
}

// A drift that is stored, and whose workflow was not notified since a worker was killed, is notified by the next look.
func TestSweepDeliveriesNotifiesOfWhatDriftedBefore(t *testing.T) {
	r := newRig(t)
	r.fleet("", append(deliveredTo(2), ports.DeliveredTo{Certificate: "lost", Target: "haproxy"},
		ports.DeliveredTo{Certificate: "lost", Target: "nginx"}))
	r.looks(func(string) (string, error) { return "", nil })
	r.notifier.EXPECT().RecordChanged(anything, "lost")
	out, err := call(r, ports.SweepDeliveries, ports.SweepDeliveriesInput{})
	require.NoError(t, err)
	require.Equal(t, []int{2, 0}, []int{out.Checked, out.Drifted})
}

func TestSweepDeliveriesHandsTheRestOn(t *testing.T) {
	r := newRig(t)
	r.step = 2 * time.Minute // of the clock at each look: two pages fit
	r.fleet("", deliveredTo(350))
	r.looks(func(string) (string, error) { return "", nil })
	out, err := call(r, ports.SweepDeliveries, ports.SweepDeliveriesInput{After: deliveredTo(10)[9]})
	require.NoError(t, err)
	require.Equal(t, 100, out.Checked)
	require.False(t, out.Done)
	out, err = call(r, ports.SweepDeliveries, ports.SweepDeliveriesInput{After: out.After})
	require.NoError(t, err)
	require.Equal(t, deliveredTo(350)[209], out.After)
}

func TestSweepDeliveriesGoesOnWhereTheLastHeartbeatWas(t *testing.T) {
	r := newRig(t)
	r.fleet("", deliveredTo(30))
	r.looks(func(string) (string, error) { return "", nil })
	r.env.SetHeartbeatDetails(ports.SweepDeliveriesOutput{After: deliveredTo(30)[19], Checked: 20, Drifted: 1})
	out, err := call(r, ports.SweepDeliveries, ports.SweepDeliveriesInput{})
	require.NoError(t, err)
	require.Equal(t, ports.SweepDeliveriesOutput{After: deliveredTo(30)[29], Done: true, Checked: 30, Drifted: 1}, out)
}

func TestSweepDeliveriesEndsWhereNothingCanBeLookedAt(t *testing.T) {
	r := newRig(t)
	r.fleet("", deliveredTo(5))
	r.targets.EXPECT().Target(anything).AnyTimes().Return(r.target, nil)
	r.deliveries.EXPECT().Bundle(anything, anything, anything).MinTimes(1).Return(ports.KeyPair{}, waitFault)
	_, err := call(r, ports.SweepDeliveries, ports.SweepDeliveriesInput{})
	requireReason(t, err, domain.FaultWait, waitFault.Reason, true)
}

func TestSweepDeliveriesIsRepeatedIfOneStepFails(t *testing.T) {
	away := domain.NewFault(domain.FaultWait, "TemporalUnreachable", nil, "away")
	for name, c := range map[string]struct {
		expect func(*rig)
		want   *domain.Fault
	}{
		"the list": {func(r *rig) {
			r.deliveries.EXPECT().Delivered(anything, anything, anything, anything).Return(ports.DeliveredPage{},
				waitFault)
		}, waitFault},
		"a drift": {func(r *rig) {
			r.fleet("", deliveredTo(1))
			r.deliveries.EXPECT().RecordDrifted(anything, anything).Return(waitFault)
		}, waitFault},
		"a notice": {func(r *rig) {
			r.fleet("", deliveredTo(1))
			r.deliveries.EXPECT().RecordDrifted(anything, anything)
			r.notifier.EXPECT().RecordChanged(anything, anything).Return(away)
		}, away},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.looks(func(string) (string, error) { return "gone", nil })
			r.observer.EXPECT().DeliveryDrifted(anything, anything).AnyTimes()
			c.expect(r)
			_, err := call(r, ports.SweepDeliveries, ports.SweepDeliveriesInput{})
			requireReason(t, err, domain.FaultWait, c.want.Reason, true)
		})
	}
}
