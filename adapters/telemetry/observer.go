package telemetry

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

var _ ports.Observer = (*Observer)(nil)

// other stands for an issuer or a target that is not configured: a spec may name any, and each would be a series for
// ever.
const other = "other"

// Observer counts what the steps report. It is safe for concurrent use.
type Observer struct {
	issuers     []string
	targets     []string
	orders      metric.Int64Counter
	durations   metric.Float64Histogram
	failures    metric.Int64Counter
	reasons     metric.Int64Counter
	lags        metric.Float64Histogram
	revocations metric.Int64Counter
	checks      metric.Int64Counter
	// swept is when the last sweep ended here; first, when the observer was made.
	swept       atomic.Pointer[time.Time]
	sweeps      metric.Int64Counter
	deliveries  metric.Int64Counter
	undelivered metric.Int64Counter
	drifts      metric.Int64Counter
}

// NewObserver counts by the configured issuers and delivery targets. What can be known beforehand is counted from zero
// on, so that an alert on an increase sees the first failure.
func NewObserver(m *Metrics, issuers, targets []string) (*Observer, error) {
	i := instruments{meter: m.own}
	o := &Observer{
		issuers:     issuers,
		targets:     targets,
		orders:      i.counter(ordersPlaced),
		durations:   i.histogram(issuanceDuration, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 4*3600, 24*3600),
		failures:    i.counter(attemptsFailed),
		reasons:     i.counter(failureReasons),
		lags:        i.histogram(renewalLag, 1, 5, 10, 30, 60, 300, 900, 3600, 4*3600, 24*3600, 7*24*3600),
		revocations: i.counter(revocations),
		checks:      i.counter(ariChecks),
		sweeps:      i.counter(sweeps),
		deliveries:  i.counter(deliveries),
		undelivered: i.counter(deliveryFailures),
		drifts:      i.counter(deliveryDrifts),
	}
	age := i.gauge(sweepAge)
	if i.err != nil {
		return nil, i.err
	}
	o.swept.Store(new(time.Now()))
	o.zero(context.Background())
	_, err := m.own.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		to.ObserveFloat64(age, time.Since(*o.swept.Load()).Seconds())
		return nil
	}, age)
	return o, err
}

func (o *Observer) zero(ctx context.Context) {
	for _, issuer := range o.issuers {
		for _, resumed := range []bool{false, true} {
			o.orders.Add(ctx, 0, o.orderLabels(issuer, resumed))
		}
		for _, kind := range []domain.FaultKind{
			domain.FaultRateLimited, domain.FaultWait, domain.FaultName, domain.FaultCA, domain.FaultOperator,
			domain.FaultSpec,
		} {
			o.failures.Add(ctx, 0, o.kindLabels(issuer, kind))
		}
		for _, check := range []ports.ARICheck{ports.ARICheckAnswered, ports.ARICheckMoved, ports.ARICheckFailed} {
			o.checks.Add(ctx, 0, o.checkLabels(issuer, check))
		}
		for _, reason := range []domain.RevocationReason{
			domain.RevokedUnspecified, domain.RevokedKeyCompromise, domain.RevokedAffiliationChanged,
			domain.RevokedSuperseded,
			domain.RevokedCessationOfOperation,
		} {
			o.revocations.Add(ctx, 0, o.revocationLabels(issuer, reason))
		}
	}
	o.sweeps.Add(ctx, 0)
	for _, target := range slices.Concat(o.targets, []string{other}) {
		o.deliveries.Add(ctx, 0, o.targetLabels(target))
		o.drifts.Add(ctx, 0, o.targetLabels(target))
		for _, kind := range []domain.FaultKind{domain.FaultWait, domain.FaultOperator} {
			o.undelivered.Add(ctx, 0, o.targetLabels(target, attribute.String("kind", string(kind))))
		}
	}
}

// OrderPlaced implements ports.Observer.
func (o *Observer) OrderPlaced(ctx context.Context, issuer string, resumed bool) {
	o.orders.Add(ctx, 1, o.orderLabels(issuer, resumed))
}

// CertificateIssued implements ports.Observer.
func (o *Observer) CertificateIssued(ctx context.Context, issuer string, took time.Duration) {
	o.durations.Record(ctx, took.Seconds(), metric.WithAttributeSet(attribute.NewSet(o.issuer(issuer))))
}

// RenewalStarted implements ports.Observer. A renewal that begins before its planned instant has no lag.
func (o *Observer) RenewalStarted(ctx context.Context, issuer string, lag time.Duration) {
	o.lags.Record(ctx, max(lag, 0).Seconds(), metric.WithAttributeSet(attribute.NewSet(o.issuer(issuer))))
}

// AttemptFailed implements ports.Observer.
func (o *Observer) AttemptFailed(ctx context.Context, issuer string, fault domain.Fault) {
	o.failures.Add(ctx, 1, o.kindLabels(issuer, fault.Kind))
	o.reasons.Add(ctx, 1, metric.WithAttributeSet(attribute.NewSet(o.issuer(issuer),
		attribute.String("kind", string(fault.Kind)),
		attribute.String("reason", string(fault.Reason)))))
}

// ARIChecked implements ports.Observer.
func (o *Observer) ARIChecked(ctx context.Context, issuer string, check ports.ARICheck) {
	o.checks.Add(ctx, 1, o.checkLabels(issuer, check))
}

// Swept implements ports.Observer.
func (o *Observer) Swept(ctx context.Context) {
	o.swept.Store(new(time.Now()))
	o.sweeps.Add(ctx, 1)
}

// ShowSweepInterval exports how often sweeps are to begin, so that an alert knows when one is late.
func ShowSweepInterval(m *Metrics, interval time.Duration) error {
	i := instruments{meter: m.own}
	gauge := i.gauge(sweepInterval)
	if i.err != nil {
		return i.err
	}
	_, err := m.own.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		to.ObserveFloat64(gauge, interval.Seconds())
		return nil
	}, gauge)
	return err
}

// ShowReload exports whether the configuration file could not be read again.
func ShowReload(m *Metrics, failed func() bool) error {
	i := instruments{meter: m.own}
	gauge := i.gauge(configReloadFailed)
	if i.err != nil {
		return i.err
	}
	_, err := m.own.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		value := 0.0
		if failed() {
			value = 1
		}
		to.ObserveFloat64(gauge, value)
		return nil
	}, gauge)
	return err
}

// CertificateRevoked implements ports.Observer.
func (o *Observer) CertificateRevoked(ctx context.Context, issuer string, reason domain.RevocationReason) {
	o.revocations.Add(ctx, 1, o.revocationLabels(issuer, reason))
}

// CertificateDelivered implements ports.Observer.
func (o *Observer) CertificateDelivered(ctx context.Context, target string) {
	o.deliveries.Add(ctx, 1, o.targetLabels(target))
}

// DeliveryFailed implements ports.Observer.
func (o *Observer) DeliveryFailed(ctx context.Context, target string, fault domain.Fault) {
	o.undelivered.Add(ctx, 1, o.targetLabels(target, attribute.String("kind", string(fault.Kind))))
}

// DeliveryDrifted implements ports.Observer.
func (o *Observer) DeliveryDrifted(ctx context.Context, target string) {
	o.drifts.Add(ctx, 1, o.targetLabels(target))
}

// targetLabels leave the host out: there may be many.
func (o *Observer) targetLabels(delivery string, more ...attribute.KeyValue) metric.MeasurementOption {
	target, _ := lifecycle.TargetHost(delivery)
	if !slices.Contains(o.targets, target) {
		target = other
	}
	return metric.WithAttributeSet(attribute.NewSet(append(more, attribute.String("target", target))...))
}

func (o *Observer) issuer(name string) attribute.KeyValue {
	if !slices.Contains(o.issuers, name) {
		name = other
	}
	return attribute.String("issuer", name)
}

func (o *Observer) orderLabels(issuer string, resumed bool) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(o.issuer(issuer),
		attribute.String("resumed", strconv.FormatBool(resumed))))
}

func (o *Observer) checkLabels(issuer string, check ports.ARICheck) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(o.issuer(issuer), attribute.String("outcome", string(check))))
}

func (o *Observer) kindLabels(issuer string, kind domain.FaultKind) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(o.issuer(issuer), attribute.String("kind", string(kind))))
}

func (o *Observer) revocationLabels(issuer string, reason domain.RevocationReason) metric.MeasurementOption {
	if reason == "" {
		reason = domain.RevokedUnspecified
	}
	return metric.WithAttributeSet(attribute.NewSet(o.issuer(issuer), attribute.String("reason", string(reason))))
}

// instruments makes instruments until one fails.
type instruments struct {
	meter metric.Meter
	err   error
}

func (i *instruments) counter(o own) (c metric.Int64Counter) {
	if i.err == nil {
		c, i.err = i.meter.Int64Counter(o.name, metric.WithDescription(o.help))
	}
	return c
}

func (i *instruments) histogram(o own, bounds ...float64) (h metric.Float64Histogram) {
	if i.err == nil {
		h, i.err = i.meter.Float64Histogram(o.name, metric.WithDescription(o.help),
			metric.WithExplicitBucketBoundaries(bounds...))
	}
	return h
}
