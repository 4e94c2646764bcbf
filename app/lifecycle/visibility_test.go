package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
)

// upserts collects what the workflow tells visibility.
func (w *world) upserts() *[]temporal.SearchAttributes {
	var all []temporal.SearchAttributes
	w.env.OnUpsertTypedSearchAttributes(mock.Anything).Return(nil).Run(func(args mock.Arguments) {
		all = append(all, args.Get(0).(temporal.SearchAttributes))
	})
	return &all
}

func TestSearchAttributesOnceForEachOutcome(t *testing.T) {
	w := newWorld(t)
	upserts := w.upserts()
	w.failing(nameFault, 3) // twice, the second time with nothing new to tell
	w.run(domain.Certificate{Spec: spec})
	require.Len(t, *upserts, 2)
	failing, ready := (*upserts)[0], (*upserts)[1]
	state, _ := failing.GetKeyword(searchState)
	names, _ := failing.GetKeywordList(searchNames)
	require.Equal(t, string(domain.PhaseFailing), state)
	require.Equal(t, spec.Names, names)
	_, dated := failing.GetTime(searchNotAfter)
	require.False(t, dated, "no certificate yet")

	next := w.next()
	state, _ = ready.GetKeyword(searchState)
	issuer, _ := ready.GetKeyword(searchIssuer)
	notAfter, _ := ready.GetTime(searchNotAfter)
	renewal, _ := ready.GetTime(searchNextRenewal)
	require.Equal(t, string(domain.PhaseReady), state)
	require.Equal(t, domain.DefaultIssuer, issuer)
	require.True(t, notAfter.Equal(next.Issued.NotAfter))
	require.True(t, renewal.Equal(next.Renewal.At))
}

func TestNoSearchAttributesBeforeTheGate(t *testing.T) {
	w := newWorld(t).before()
	upserts := w.upserts()
	w.failing(nameFault, 2)
	w.run(domain.Certificate{Spec: spec})
	require.Empty(t, *upserts)
}

// Temporal's UI shows them; a support desk reads them aloud.
func TestDetailsTellTheStory(t *testing.T) {
	status := domain.Status{
		Name: certName, Phase: domain.PhaseFailing, Spec: spec,
		Issued:   &domain.Issued{Serial: "0a1b", Issuer: "default", NotAfter: start},
		Failure:  &domain.Failure{Fault: *nameFault, At: start, RetryAt: start.Add(time.Minute), Attempts: 2, Step: "PlaceOrder"},
		Renewal:  &domain.RenewalPlan{At: start, Reason: "ARIWindow"},
		Revoking: []domain.Revocation{{Issued: domain.Issued{Serial: "ff"}, Reason: domain.RevokedKeyCompromise}},
	}
	require.Equal(t, `**Failing**

- names: a.example.com
- in service: serial 0a1b by default, until 2126-11-23T12:00:00Z
- failed at 2126-11-23T12:00:00Z in PlaceOrder, attempt 2: Name/CAA: a.example.com: a CAA record forbids it
- next try: 2126-11-23T12:01:00Z
- to be revoked: serial ff (keyCompromise)
`, details(status))
	status.Phase, status.Step, status.Failure, status.Revoking = domain.PhaseIssuing, "PlaceOrder", nil, nil
	require.Equal(t, `**Issuing** (PlaceOrder)

- names: a.example.com
- in service: serial 0a1b by default, until 2126-11-23T12:00:00Z
- renewal: 2126-11-23T12:00:00Z (ARIWindow)
`, details(status))
}
