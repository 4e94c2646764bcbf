package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
	"everleaf/ports"
)

// before is a spec with something in each field, of generation 7.
func before() app.Spec {
	return app.Spec{Names: []string{name, "a.example.com"}, KeyType: domain.KeyRSA2048, Profile: "shortlived",
		Issuers:   []string{"one", "two"},
		Challenge: domain.ChallengeDNS01, KeyRotation: domain.RotateNever, Tenant: "acme",
		Deliveries: []string{"nginx", "hook"}, Fleet: "edge"}
}

// held is a certificate that is kept with that spec.
func held() app.Status {
	status := ready()
	status.Spec, status.Generation = before(), 7
	return status
}

func gone() error {
	return domain.NewFault(domain.FaultSpec, domain.ReasonWorkflowEnded, nil,
		"its workflow has ended, and ensure starts it again")
}

// asks expects the one request that is made, and answers it.
func (b *bench) asks(want app.EnsureRequest, status app.Status, err error) {
	b.keeper.EXPECT().EnsureWith(gomock.Any(), name, want).Return(status, err)
}

func (b *bench) finds(status app.Status, err error) {
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().Return(status, err)
}

func generation(g int64) *int64 { return &g }

func TestEnsureMakesWhatThereIsNot(t *testing.T) {
	b := newBench(t)
	b.finds(app.Status{}, app.UnknownCertificate(name))
	want := app.Spec{Names: []string{"a.example.com", "*.b.example.com"}, KeyType: domain.KeyRSA2048,
		Profile: "shortlived", Issuers: []string{"one", "two"},
		Challenge: domain.ChallengeDNS01, KeyRotation: domain.RotateNever, Deliveries: []string{"edge@one", "hook"}}
	b.asks(app.EnsureRequest{Spec: want, ExpectedGeneration: generation(0)}, ready(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--name", "a.example.com", "--name",
		"*.b.example.com", "--challenge", "dns-01",
		"--key-type", "rsa-2048", "--profile", "shortlived", "--use-issuer", "one", "--use-issuer", "two",
		"--key-rotation", "Never", "--deliver", "edge@one", "--deliver", "hook", "-o", "json"))
	var got app.Status
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &got))
	require.Equal(t, ready(), got, "JSON is the domain's type as it is")
	require.Empty(t, b.err.String())
}

// What is not given stays, in ensure as in change.
func TestWhatIsNotGivenStays(t *testing.T) {
	for args, change := range map[string]func(s *app.Spec){
		"":                      func(*app.Spec) {},
		"--name=" + name:        func(*app.Spec) {},
		"--name=b.example.com":  func(s *app.Spec) { s.Names = append(s.Names, "b.example.com") },
		"--remove-name=" + name: func(s *app.Spec) { s.Names = []string{"a.example.com"} },
		"--use-issuer=three":    func(s *app.Spec) { s.Issuers = append(s.Issuers, "three") },
		"--remove-issuer=one":   func(s *app.Spec) { s.Issuers = []string{"two"} },
		"--deliver=disk":        func(s *app.Spec) { s.Deliveries = append(s.Deliveries, "disk") },
		"--remove-target=nginx": func(s *app.Spec) { s.Deliveries = []string{"hook"} },
		"--profile=":            func(s *app.Spec) { s.Profile = "" },
		"--profile=classic":     func(s *app.Spec) { s.Profile = "classic" },
		"--key-type=ecdsa-p256": func(s *app.Spec) { s.KeyType = domain.KeyECDSAP256 },
		"--challenge=http-01":   func(s *app.Spec) { s.Challenge = domain.ChallengeHTTP01 },
		"--key-rotation=Always": func(s *app.Spec) { s.KeyRotation = domain.RotateAlways },
	} {
		for _, command := range []string{"ensure", "change"} {
			b := newBench(t)
			b.finds(held(), nil)
			want := before()
			change(&want)
			changed := held()
			changed.Changes = []string{"something"}
			b.asks(app.EnsureRequest{Spec: want, ExpectedGeneration: generation(7)}, changed, nil)
			b.exits(t, exitOK, b.run(t.Context(), append([]string{"cert", command, name}, strings.Fields(args)...)...))
			require.Regexp(t, `Changed +something`, b.out.String())
			require.Regexp(t, `Generation +7`, b.out.String())
			require.NotContains(t, b.err.String(), "nothing to change")
		}
	}
}

func TestEnsureSaysThatNothingChanges(t *testing.T) {
	b := newBench(t)
	b.finds(held(), nil)
	b.asks(app.EnsureRequest{Spec: before(), ExpectedGeneration: generation(7)}, held(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--remove-target", "ngnix"))
	require.Equal(t, "www.example.com: not in the spec, so there is nothing to remove: ngnix (did you mean \"nginx\"?)\n"+
		"www.example.com: nothing to change: the spec is as requested already\n", b.err.String())
}

// A change that is to remove what is not there is a mistake, and changes nothing.
func TestChangeRefusesToRemoveWhatIsNotThere(t *testing.T) {
	for flags, says := range map[string]string{
		"--remove-target=ngnix":                 `nothing to remove: ngnix (did you mean "nginx"?)`,
		"--remove-name=b.example.com --dry-run": `nothing to remove: b.example.com (did you mean "a.example.com"?)`,
		"--remove-issuer=elsewhere":             "nothing to remove: elsewhere\n",
	} {
		b := newBench(t)
		b.finds(held(), nil)
		b.exits(t, exitUsage, b.run(t.Context(), append([]string{"cert", "change", name}, strings.Fields(flags)...)...))
		require.Contains(t, b.err.String(), says)
	}
}

// What would move a certificate to another issuer, or empty its spec, is refused and not guessed.
func TestNothingIsEmptiedUnasked(t *testing.T) {
	b := newBench(t)
	of := held()
	of.Spec.Issuers = []string{"spare"}
	b.finds(of, nil)
	b.exits(t, exitUsage, b.run(t.Context(), "cert", "change", name, "--remove-issuer", "spare"))
	require.Contains(t, b.err.String(), "has no other issuer: name the one that is to follow with --use-issuer")

	b = newBench(t)
	b.in = strings.NewReader("deliveries: [nginx]\n")
	b.exits(t, exitUsage, b.run(t.Context(), "cert", "ensure", name, "--spec", "-"))
	require.Contains(t, b.err.String(), "it has no names: a spec file says the whole spec")
}

// A database that nobody had to ask is not opened.
func TestWhatIsKeptNeedsNoPostgres(t *testing.T) {
	b := newBench(t)
	b.finds(held(), nil)
	b.asks(app.EnsureRequest{Spec: before(), ExpectedGeneration: generation(7)}, held(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--postgres-url", "p"))
	b.exits(t, exitOK, b.run(t.Context(), "cert", "spec", name, "--postgres-url", "p"))
	require.Equal(t, 2, b.closed, "the keeper, twice")
}

// The spec as a whole, from flags or a file, takes the place of what there is, and expects nothing.
func TestEnsureWithTheWholeSpec(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(file, []byte("names: [www.example.com]\ndeliveries: [nginx]\n"), 0o600))
	whole := app.Spec{Names: []string{name}, Deliveries: []string{"nginx"}}
	for _, args := range [][]string{{"--replace", "--deliver", "nginx"}, {"--spec", file}, {"--spec", "-"}} {
		b := newBench(t)
		b.in = strings.NewReader(`{"names": ["www.example.com"], "deliveries": ["nginx"]}`)
		b.finds(held(), nil)
		b.asks(app.EnsureRequest{Spec: whole}, held(), nil)
		b.exits(t, exitOK, b.run(t.Context(), append([]string{"cert", "ensure", name}, args...)...))
	}
	b := newBench(t)
	b.in = strings.NewReader("names: [a.example.com]\nnmaes: [b]\n")
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "ensure", name, "--spec", "-"))
	require.Contains(t, b.err.String(), `standard input:2: there is no field "nmaes"`)
}

// A change that comes first is read, and nothing of it is lost.
func TestChangeIsMadeAgainAfterAConflict(t *testing.T) {
	b := newBench(t)
	later := held()
	later.Generation, later.Spec.Names = 8, append(before().Names, "other.example.com")
	var changed atomic.Bool
	b.keeper.EXPECT().Status(gomock.Any(), name).AnyTimes().DoAndReturn(func(context.Context, string) (app.Status,
		error) {
		if changed.Load() {
			return later, nil
		}
		return held(), nil
	})
	b.keeper.EXPECT().EnsureWith(gomock.Any(), name,
		gomock.Any()).Times(2).DoAndReturn(func(_ context.Context, _ string, r app.EnsureRequest) (app.Status, error) {
		if *r.ExpectedGeneration == 7 {
			changed.Store(true)
			return app.Status{}, domain.NewFault(domain.FaultSpec, domain.ReasonGenerationConflict, nil, "another")
		}
		require.EqualValues(t, 8, *r.ExpectedGeneration)
		require.Equal(t, append(before().Names, "other.example.com", "mine.example.com"), r.Spec.Names)
		return later, nil
	})
	b.exits(t, exitOK, b.run(t.Context(), "cert", "change", name, "--name", "mine.example.com", "-o", "json"))
}

func TestChangeRefusesWhatThereIsNot(t *testing.T) {
	b := newBench(t)
	b.finds(app.Status{}, app.UnknownCertificate(name))
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "change", name, "--name", "a.example.com"))
	require.Contains(t, b.err.String(), `there is no certificate "www.example.com": everleaf cert ensure www.example.com makes it (Spec/UnknownCertificate)`)
}

// What no workflow keeps goes on with the spec that Postgres has, and is not guessed without it.
func TestEnsureOfWhatWasKept(t *testing.T) {
	asked := before()
	record := app.Record{Name: name, Spec: app.Spec{Names: []string{"old.example.com"}}, Asked: &asked, Generation: 7}
	b := newBench(t)
	b.finds(app.Status{}, gone())
	b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).AnyTimes().Return(ports.Timeline{CertificateRecord: record},
		nil)
	b.asks(app.EnsureRequest{Spec: before(), ExpectedGeneration: generation(7)}, held(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--postgres-url", "p", "-o", "json"))

	b.out.buf.Reset()
	b.exits(t, exitOK, b.run(t.Context(), "cert", "spec", name, "--postgres-url", "p", "-o", "json"))
	var spec app.Spec
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &spec))
	require.Equal(t, before(), spec)

	b = newBench(t)
	b.finds(app.Status{}, gone())
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "ensure", name))
	require.Contains(t, b.err.String(), "with the spec that it had if it may ask Postgres (EVERLEAF_POSTGRES_URL), or with a whole new one (--replace, --spec)")

	b = newBench(t)
	b.finds(app.Status{}, app.UnknownCertificate(name))
	b.keeper.EXPECT().EnsureWith(gomock.Any(), name, gomock.Any()).AnyTimes().
		Return(app.Status{}, domain.NewFault(domain.FaultSpec, domain.ReasonGenerationConflict, nil,
			"its spec is of generation 7"))
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "ensure", name))
	require.Contains(t, b.err.String(), "its spec is of generation 7: it was kept before; give EVERLEAF_POSTGRES_URL")
}

func TestSpecIsWhatEnsureReads(t *testing.T) {
	b := newBench(t)
	b.finds(held(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "spec", name))
	b.in = strings.NewReader(b.out.String())
	b.asks(app.EnsureRequest{Spec: before(), ExpectedGeneration: generation(7)}, held(), nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--spec", "-"))

	b = newBench(t)
	begun := held()
	begun.Generation = 0 // Postgres has not answered yet
	b.finds(begun, nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "spec", name))
	require.NotContains(t, b.out.String(), "expectedGeneration")

	b = newBench(t)
	b.finds(app.Status{}, app.UnknownCertificate(name))
	b.exits(t, exitProblem, b.run(t.Context(), "cert", "spec", name))
	require.Contains(t, b.err.String(), "(Spec/UnknownCertificate)")
}

// A dry run asks the workflow, and without one compares by itself: nothing is started.
func TestDryRun(t *testing.T) {
	kept := held()
	kept.DryRun, kept.WouldIssue, kept.Changes = true, true, []string{"names: added b.example.com"}
	want := before()
	want.Names = append(want.Names, "b.example.com")
	b := newBench(t)
	b.finds(held(), nil)
	b.asks(app.EnsureRequest{Spec: want, DryRun: true}, kept, nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--name", "b.example.com", "--dry-run"))
	require.Equal(t, "Certificate   www.example.com\nDry run       a certificate would be issued; nothing was started or changed\n"+
		"Would change  names: added b.example.com\n", b.out.String())

	kept.Changes, kept.WouldIssue = nil, false
	b = newBench(t)
	b.finds(held(), nil)
	b.asks(app.EnsureRequest{Spec: app.Spec{Names: []string{name}}, DryRun: true}, kept, nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--replace", "--dry-run"))
	require.Contains(t, b.out.String(), "nothing would change; nothing was started or changed\n")

	b = newBench(t)
	b.finds(app.Status{}, app.UnknownCertificate(name))
	b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name, "--dry-run"))
	require.Contains(t, b.out.String(), "a certificate would be issued")
	require.Contains(t, b.out.String(), "it is created")

	asked := before()
	record := app.Record{Name: name, Spec: asked, Generation: 7,
		Issued: &app.Issued{Names: asked.Names, KeyType: asked.KeyType, Profile: asked.Profile, Issuer: "one"}}
	b = newBench(t)
	b.finds(app.Status{}, gone())
	b.timelines.EXPECT().Timeline(gomock.Any(), name, 0).Return(ports.Timeline{CertificateRecord: record}, nil)
	b.exits(t, exitOK, b.run(t.Context(), "cert", "change", name, "--remove-target", "hook", "--dry-run",
		"--postgres-url", "p", "-o", "json"))
	var got app.Status
	require.NoError(t, json.Unmarshal([]byte(b.out.String()), &got))
	require.True(t, got.DryRun)
	require.False(t, got.WouldIssue)
	require.Equal(t, []string{"it is kept in service again", "deliveries: removed hook"}, got.Changes)
}

// A refused name says where it came from, and which flag has the way out.
func TestEnsureOfANameThatIsNone(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"shop", nil, `Without --name, a new certificate is for its own name, "shop": give the DNS name with --name (Spec/NamePublicSuffix)`},
		{"shop", []string{"--replace"}, `Without --name, a new certificate is for its own name, "shop"`},
		{"shop", []string{"--dry-run"}, `Without --name, a new certificate is for its own name, "shop"`},
		{"shop", []string{"--name", "*.example.com"}, "add --challenge dns-01 (Spec/WildcardNeedsDNS01)"},
	} {
		b := newBench(t)
		b.keeper.EXPECT().Status(gomock.Any(), c.name).AnyTimes().Return(app.Status{}, app.UnknownCertificate(c.name))
		refuse := func(_ context.Context, _ string, r app.EnsureRequest) (app.Status, error) {
			_, err := r.Spec.Validated()
			return app.Status{}, err
		}
		b.keeper.EXPECT().EnsureWith(gomock.Any(), c.name, gomock.Any()).AnyTimes().DoAndReturn(refuse)
		b.keeper.EXPECT().Ensure(gomock.Any(), c.name,
			gomock.Any()).AnyTimes().DoAndReturn(func(ctx context.Context, name string, s app.Spec) (app.Status,
			error) {
			return refuse(ctx, name, app.EnsureRequest{Spec: s})
		})
		b.exits(t, exitProblem, b.run(t.Context(), append([]string{"cert", "ensure", c.name}, c.args...)...))
		require.Contains(t, b.err.String(), c.says)
	}
}

// What somebody changed while a printed spec was edited is not undone by it.
func TestSpecOfAnOlderGenerationIsRefused(t *testing.T) {
	const edited = "names: [www.example.com]\nexpectedGeneration: 6\n"
	for _, dryRun := range []bool{false, true} {
		b := newBench(t)
		b.in = strings.NewReader(edited)
		b.finds(held(), nil)
		args := []string{"cert", "ensure", name, "--spec", "-"}
		if dryRun {
			args = append(args, "--dry-run")
		} else {
			b.asks(app.EnsureRequest{Spec: app.Spec{Names: []string{name}}, ExpectedGeneration: generation(6)},
				app.Status{},
				domain.GenerationConflict(name, 7, 6))
		}
		b.exits(t, exitProblem, b.run(t.Context(), args...))
		require.Contains(t, b.err.String(), `certificate "www.example.com": its spec is of generation 7, and generation 6 was expected`)
		require.Contains(t, b.err.String(), "everleaf cert spec www.example.com prints what is in force; without its line expectedGeneration")
	}
}
