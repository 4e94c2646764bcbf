package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"everleaf/app"
)

// specFlags say what of a spec is to be another; what is left out stays.
type specFlags struct {
	DNSNames     []string `name:"name" placeholder:"DNS" help:"DNS name to add; repeat for more; with dns-01 also *.example.com. A new certificate without one is for the certificate's name."`
	RemoveName   []string `placeholder:"DNS" help:"DNS name to take out."`
	UseIssuer    []string `placeholder:"NAME" help:"Issuer to add, as configured at the worker; repeat in order of preference. A new certificate without one uses the issuer called default."`
	RemoveIssuer []string `placeholder:"NAME" help:"Issuer to take out."`
	Deliver      []string `placeholder:"TARGET" help:"Target to add, as configured at the delivery workers, with @HOST if it is on its own host; repeat for more."`
	RemoveTarget []string `placeholder:"TARGET" help:"Target to take out: the certificate is cleared there."`
	KeyType      string   `enum:",ecdsa-p256,ecdsa-p384,rsa-2048,rsa-3072,rsa-4096" default:"" placeholder:"TYPE" help:"Key: ecdsa-p256 (the default of a new certificate), ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096."`
	Profile      *string  `placeholder:"NAME" help:"The CA's certificate profile; empty to let the CA choose, as for a new certificate unless given."`
	Challenge    string   `enum:",http-01,dns-01" default:"" placeholder:"TYPE" help:"How control of the names is shown: http-01 (the default of a new certificate), or dns-01, which wildcards need and which the workers need DNS zones for."`
	KeyRotation  string   `enum:",Always,Never" default:"" placeholder:"WHEN" help:"Whether a renewal makes a new key: Always (the default of a new certificate) or Never."`
}

// edit refuses what contradicts itself.
func (f specFlags) edit() (app.Edit, error) {
	for _, pair := range []struct {
		add, remove   string
		added, absent []string
	}{
		{"--name", "--remove-name", f.DNSNames, f.RemoveName},
		{"--use-issuer", "--remove-issuer", f.UseIssuer, f.RemoveIssuer},
		{"--deliver", "--remove-target", f.Deliver, f.RemoveTarget},
	} {
		for _, value := range pair.added {
			if slices.Contains(pair.absent, value) {
				return app.Edit{}, usageError{fmt.Errorf("%s %s and %s %s contradict each other: leave one of them out", pair.add,
					value, pair.remove, value)}
			}
		}
	}
	return app.Edit{
		AddNames: f.DNSNames, RemoveNames: f.RemoveName, AddIssuers: f.UseIssuer, RemoveIssuers: f.RemoveIssuer,
		AddDeliveries: f.Deliver, RemoveDeliveries: f.RemoveTarget, Profile: f.Profile,
		KeyType: given(app.KeyType(f.KeyType)), Challenge: given(app.ChallengeType(f.Challenge)),
		KeyRotation: given(app.KeyRotation(f.KeyRotation)),
	}, nil
}

// given is nil for an empty value.
func given[T ~string](value T) *T {
	if value == "" {
		return nil
	}
	return &value
}

// editFlags are what ensure and change have beside the spec's own flags.
type editFlags struct {
	DryRun bool `help:"Print what would change, and whether a certificate would be issued; start and change nothing."`
	waitFlag
	deliveriesFlag
	outputFlag
	temporalSettings
	storedSettings
}

// config is what names the database, if one is given.
func (f editFlags) config() (config app.Config) {
	f.storedSettings.apply(&config)
	return config
}

type ensureCmd struct {
	nameArg
	specFlags
	Replace bool   `xor:"whole" help:"Take the flags as the whole spec: what is left out is removed, or returns to its default."`
	Spec    string `xor:"whole" placeholder:"FILE" help:"File with the whole spec, YAML or JSON, as cert spec prints it; - for standard input. With its field expectedGeneration, it is refused if the spec has changed since."`
	editFlags
}

// Help says what a change means.
func (ensureCmd) Help() string {
	return "A new certificate is created from the flags. For an existing one, names, issuers and targets are " +
		"added, and values that are given are set: nothing is removed without --remove-name, --remove-issuer, --remove-target, " +
		"--replace or --spec. A certificate that already is as wanted is left as it is."
}

// Run waits with progress on stderr.
func (e ensureCmd) Run(ctx context.Context, k *kit) error {
	edit, err := e.edit()
	if err != nil {
		return err
	}
	if e.Spec == "" && !e.Replace {
		return k.change(ctx, e.Name, e.editFlags, edit, true)
	}
	if e.Spec != "" && !edit.Empty() {
		return usageError{fmt.Errorf("--spec %s is the whole spec: leave the other flags out, or change it afterwards",
			e.Spec)}
	}
	spec, absent := edit.Of(app.Spec{})
	if len(absent) > 0 {
		return usageError{errors.New("--replace takes the flags as the whole spec: there is nothing to remove from it")}
	}
	var expected *int64
	if e.Spec != "" {
		file, err := k.readSpec(e.Spec)
		if err != nil {
			return err
		}
		spec, expected = file.Spec, file.ExpectedGeneration
		if len(spec.Names) == 0 {
			return usageError{fmt.Errorf("--spec %s: it has no names: a spec file says the whole spec", e.Spec)}
		}
	}
	named := len(spec.Names) > 0
	if !named {
		spec.Names = []string{e.Name}
	}
	return k.ensure(ctx, e.Name, e.editFlags,
		func(ctx context.Context, keeper app.Editor, find finder) (app.Status, app.Held, error) {
			if e.DryRun {
				status, held, err := k.edit(ctx, keeper, e.Name, e.editFlags, find,
					func(held app.Held) (app.Spec, error) {
						return spec, app.CheckGeneration(e.Name, expected, held.Generation)
					})
				return status, held, changedSince(refusedName(err, e.Name, named), e.Name, expected)
			}
			status, err := keeper.EnsureWith(ctx, e.Name, app.EnsureRequest{Spec: spec, ExpectedGeneration: expected})
			known := expected != nil && *expected > 0
			err = changedSince(refusedName(err, e.Name, named), e.Name, expected)
			return status, app.Held{Known: known, Kept: known}, err
		})
}

type changeCmd struct {
	nameArg
	specFlags
	editFlags
}

// Help says how it differs from ensure.
func (changeCmd) Help() string {
	return "It takes the flags of cert ensure, and fails if the certificate, or what is to be removed from it, does not " +
		"exist. What is left out stays as it is."
}

// Run waits with progress on stderr.
func (c changeCmd) Run(ctx context.Context, k *kit) error {
	edit, err := c.edit()
	if err != nil {
		return err
	}
	return k.change(ctx, c.Name, c.editFlags, edit, false)
}

// finder looks a certificate up.
type finder func(context.Context) (app.Held, error)

// change edits the spec in force. create makes a certificate that there is not.
func (k kit) change(ctx context.Context, name string, flags editFlags, edit app.Edit, create bool) error {
	return k.ensure(ctx, name, flags, func(ctx context.Context, keeper app.Editor,
		find finder) (app.Status, app.Held, error) {
		named := true
		var absent []string
		edited := func(held app.Held) (spec app.Spec, err error) {
			if !held.Known && !create {
				return app.Spec{}, fmt.Errorf("%w: everleaf cert ensure %s makes it", app.UnknownCertificate(name),
					name)
			}
			spec, absent = edit.Of(held.Spec)
			if len(absent) > 0 && !create {
				return app.Spec{}, usageError{errors.New(nothingToRemove(name, absent, held.Spec))}
			}
			if len(held.Spec.Issuers) > 0 && len(spec.Issuers) == 0 {
				return app.Spec{}, usageError{fmt.Errorf("%s has no other issuer: name the one that is to follow with "+
					"--use-issuer", name)}
			}
			if named = held.Known || len(spec.Names) > 0; !named {
				spec.Names = []string{name}
			}
			return spec, nil
		}
		status, held, err := k.edit(ctx, keeper, name, flags, find, edited)
		if len(absent) > 0 && create {
			_, _ = fmt.Fprintln(k.err, plain(nothingToRemove(name, absent, held.Spec)))
		}
		return status, held, refusedName(err, name, named)
	})
}

// nothingToRemove names what is not in the spec, and what may be meant by each.
func nothingToRemove(name string, absent []string, spec app.Spec) string {
	known := slices.Concat(spec.Names, spec.Issuers, spec.Deliveries)
	for i, value := range absent {
		if near := app.Nearest(value, known); near != "" {
			absent[i] = fmt.Sprintf("%s (did you mean %q?)", value, near)
		}
	}
	return fmt.Sprintf("%s: not in the spec, so there is nothing to remove: %s", name, strings.Join(absent, ", "))
}

// edit changes a certificate, or says what that would change.
func (k kit) edit(ctx context.Context, keeper app.Editor, name string, flags editFlags, find finder,
	edit func(app.Held) (app.Spec, error)) (status app.Status, held app.Held, err error) {
	if !flags.DryRun {
		return app.Change(ctx, keeper, name, find, edit)
	}
	if held, err = find(ctx); err != nil {
		return status, held, err
	}
	spec, err := edit(held)
	if err != nil {
		return status, held, err
	}
	if config := flags.config(); !held.Kept && config.Postgres.URL != "" {
		processes, err := k.processes(ctx, config)
		if err == nil {
			err = app.CheckConfigured(processes, flags.TaskQueue, spec, held.Spec)
		}
		if err != nil {
			return status, held, err
		}
	}
	status, err = app.Propose(ctx, keeper, name, held, spec)
	return status, held, err
}
