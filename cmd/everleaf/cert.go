package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"everleaf/app"
)

type nameArg struct {
	Name string `arg:"" help:"The certificate's name: a-z, 0-9, '-' and '.'; for example its domain."`
}

type outputFlag struct {
	Output string `short:"o" enum:"table,json" default:"table" placeholder:"table|json" help:"Result for people, or for programs."`
}

type waitFlag struct {
	Timeout     duration `default:"5m" placeholder:"DURATION" help:"How long to wait; the workflow goes on after it."`
	StartAnyway bool     `help:"Send the request even if no worker polls the task queue: it is carried out when one starts."`
}

type renewCmd struct {
	nameArg
	Note  string `placeholder:"TEXT" help:"Why, for people; kept with the event, which everleaf cert explain shows."`
	Force bool   `help:"Do not wait for the CA's rate limit, nor for the count of failed validations. Use it only if you know that the limit is over."`
	waitFlag
	deliveriesFlag
	outputFlag
	temporalSettings
}

// Run waits with progress on stderr.
func (r renewCmd) Run(ctx context.Context, k *kit) error {
	return k.await(ctx, r.temporalSettings, r.Name, r.waitFlag, r.outputFlag,
		func(ctx context.Context, keeper app.Keeper) (app.Status, error) {
			status, err := keeper.Renew(ctx, r.Name, app.RenewRequest{Note: r.Note, Force: r.Force})
			if err == nil && r.WaitForDeliveries {
				return k.delivered(ctx, keeper, status)
			}
			return status, withRenew(err, r.Name)
		})
}

type revokeCmd struct {
	nameArg
	waitFlag
	outputFlag
	temporalSettings
	Reason             string `default:"unspecified" enum:"unspecified,keyCompromise,affiliationChanged,superseded,cessationOfOperation" placeholder:"REASON" help:"Why, for the CA's revocation list: unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation."`
	SignedBy           string `default:"account" enum:"account,certificateKey" placeholder:"KEY" help:"Whose key signs the request: account, or certificateKey, which works when the account is lost."`
	WithoutReplacement bool   `help:"Revoke it at once, while it is in service; nothing replaces it before its renewal."`
	Note               string `placeholder:"TEXT" help:"Why, for people; kept with the event, which everleaf cert explain shows."`
}

// Run waits with progress on stderr.
func (r revokeCmd) Run(ctx context.Context, k *kit) error {
	request := app.RevokeRequest{
		Reason: app.RevocationReason(r.Reason), SignedBy: app.RevocationSigner(r.SignedBy),
		WithoutReplacement: r.WithoutReplacement, Note: r.Note,
	}
	return k.await(ctx, r.temporalSettings, r.Name, r.waitFlag, r.outputFlag,
		func(ctx context.Context, keeper app.Keeper) (app.Status, error) {
			return keeper.Revoke(ctx, r.Name, request)
		})
}

type retireCmd struct {
	nameArg
	waitFlag
	outputFlag
	temporalSettings
	PostgresURL string `group:"postgres" env:"EVERLEAF_POSTGRES_URL" placeholder:"URL" help:"Database that is asked whether it knows of a retirement that has come to its end before; without it nobody is."`
	unverifiedSetting
	RemoveDeliveries bool   `help:"Clear the targets first: the certificate is removed there."`
	Note             string `placeholder:"TEXT" help:"Why, for people; kept with the event, which everleaf cert explain shows."`
}

// Run waits with progress on stderr.
func (r retireCmd) Run(ctx context.Context, k *kit) error {
	request := app.RetireRequest{RemoveDeliveries: r.RemoveDeliveries, Note: r.Note}
	var config app.Config
	config.Postgres.URL, config.StartTimeout = r.PostgresURL, statusWithin
	r.unverifiedSetting.apply(&config)
	stored, closer := k.stored(config)
	defer closer()
	return k.await(ctx, r.temporalSettings, r.Name, r.waitFlag, r.outputFlag,
		func(ctx context.Context, keeper app.Keeper) (app.Status, error) {
			status, err := keeper.Retire(ctx, r.Name, request)
			if err == nil && status.Already && stored != nil {
				err = app.CheckReleased(ctx, stored, r.Name)
			}
			return status, err
		})
}

// open makes a keeper of the settings.
func (k kit) open(settings temporalSettings) (app.Editor, func(), error) {
	var config app.Config
	settings.apply(&config)
	return k.keeper(config, k.logger)
}

// await calls the keeper while progress is shown, and shows the result.
func (k kit) await(ctx context.Context, settings temporalSettings, name string, wait waitFlag, output outputFlag,
	call func(context.Context, app.Keeper) (app.Status, error),
) error {
	return k.awaitEdit(ctx, settings, name, wait, output,
		func(ctx context.Context, keeper app.Editor) (app.Status, error) {
			return call(ctx, keeper)
		})
}

// awaitEdit is await for what changes specs.
func (k kit) awaitEdit(ctx context.Context, settings temporalSettings, name string, wait waitFlag, output outputFlag,
	call func(context.Context, app.Editor) (app.Status, error),
) error {
	keeper, closer, err := k.open(settings)
	if err != nil {
		return err
	}
	defer closer()
	limited, cancel := context.WithTimeout(ctx, time.Duration(wait.Timeout))
	defer cancel()

	if err := k.checkQueue(limited, keeper, name, settings.TaskQueue, wait.StartAnyway); err != nil {
		return err
	}
	stop := k.progress(limited, keeper, name)
	status, err := call(limited, keeper)
	stop()
	switch {
	case err == nil:
		return k.show(output, status)
	case ctx.Err() != nil:
		return fmt.Errorf("%w; the workflow %s goes on", errInterrupted, app.WorkflowID(name))
	case errors.As(err, new(notDelivered)):
		return timeoutError{fmt.Errorf("in service, but its targets are not as requested after %s: %w; the workflow %s goes on",
			time.Duration(wait.Timeout), err, app.WorkflowID(name))}
	case limited.Err() != nil:
		return timeoutError{fmt.Errorf("no result after %s; the workflow %s goes on: see `everleaf cert status %s`",
			time.Duration(wait.Timeout), app.WorkflowID(name), name)}
	default:
		return k.withNextTry(ctx, keeper, name, err)
	}
}
