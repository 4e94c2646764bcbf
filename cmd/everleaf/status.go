package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"everleaf/app"
)

// statusWithin is how long status looks where Postgres may be asked instead: half of it is for the workflow's answer,
// the rest for why there is none.
const statusWithin = 5 * time.Second

type statusCmd struct {
	nameArg
	outputFlag
	temporalSettings
	PostgresURL string `group:"postgres" env:"EVERLEAF_POSTGRES_URL" placeholder:"URL" help:"Database that is asked where the workflow does not answer within 2.5 seconds; without it nobody is. Prefer the variable: flags show in process lists."`
	unverifiedSetting
}

// Help says who answers.
func (statusCmd) Help() string {
	return "The certificate's workflow answers. Where it does not, since no worker runs, Temporal is away or the workflow has " +
		"ended, Postgres does, and the answer says so. The exit code is 1 if nobody can, or if no workflow keeps the " +
		"certificate (NoWorkflow)."
}

// statusAnswer is a status with what the workflow itself does not say.
type statusAnswer struct {
	app.Status
	// Work are the steps at work.
	Work []app.Work `json:"work,omitempty"`
	// Stored is what Postgres knows where the workflow did not answer, and Because is why it did not.
	Stored  *storedStatus `json:"stored,omitempty"`
	Because *app.Fault    `json:"because,omitempty"`
}

// storedStatus is what Postgres knows of what is at work.
type storedStatus struct {
	Doing []string `json:"doing"`
}

// Run exits 0 whenever there is an answer, also if the certificate is failing: it is in the answer.
func (s statusCmd) Run(ctx context.Context, k *kit) error {
	keeper, closer, err := k.open(s.temporalSettings)
	if err != nil {
		return err
	}
	defer closer()
	status, err := s.ask(ctx, keeper)
	if err == nil {
		return k.showStatus(s.outputFlag, statusAnswer{Status: status, Work: k.work(ctx, keeper, status)})
	}
	fault := app.AsFault(err)
	ended := fault.Reason == app.ReasonWorkflowEnded || fault.Reason == app.ReasonUnknownCertificate
	switch {
	case ctx.Err() != nil, !ended && !slices.Contains(unanswered, fault.Reason), ended && s.PostgresURL == "":
		return err
	case s.PostgresURL == "":
		return fmt.Errorf("%w; with --postgres-url (EVERLEAF_POSTGRES_URL), what Postgres knows is shown", err)
	}
	return s.fallBack(ctx, k, keeper, fault, ended)
}

// unanswered are the reasons for which Postgres is asked about a workflow that may be there.
var unanswered = []app.Reason{app.ReasonNoAnswer, app.ReasonNoWorker, app.ReasonWorkflowNotReady,
	app.ReasonTemporalUnreachable, app.ReasonQueryFailed}

func (s statusCmd) ask(ctx context.Context, keeper app.Keeper) (app.Status, error) {
	if s.PostgresURL == "" {
		return keeper.Status(ctx, s.Name)
	}
	bounded, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	status, err := keeper.Status(bounded, s.Name)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil && !isFault(err) {
		err = &app.Fault{Kind: "Wait", Reason: app.ReasonNoAnswer,
			Message: fmt.Sprintf("the workflow did not answer within %s", statusWithin)}
	}
	return status, err
}

func isFault(err error) bool {
	var fault *app.Fault
	return errors.As(err, &fault)
}

// fallBack answers from Postgres, and from what Temporal knows without a worker. ended reports whether Temporal has no
// workflow that runs.
func (s statusCmd) fallBack(ctx context.Context, k *kit, keeper app.Keeper, why *app.Fault, ended bool) error {
	var config app.Config
	config.Postgres.URL, config.StartTimeout = s.PostgresURL, statusWithin
	s.unverifiedSetting.apply(&config)
	timelines, closer, err := k.timelines(ctx, config)
	if err != nil {
		return fmt.Errorf("%w; nor does Postgres answer: %w", why, err)
	}
	defer closer()
	timeline, err := timelines.Timeline(ctx, s.Name, 0)
	switch {
	case err != nil && app.AsFault(err).Reason == app.ReasonUnknownCertificate:
		return why
	case err != nil:
		return fmt.Errorf("%w; nor does Postgres answer: %w", why, err)
	}
	explanation := app.Explain(k.now(), timeline)
	answer := statusAnswer{Status: explanation.Status(), Because: why,
		Stored: &storedStatus{Doing: k.doing(explanation)}}
	gone := ended && timeline.ReleasedAt == nil
	switch {
	case gone:
		answer.Phase = app.PhaseNoWorkflow
		answer.Stored.Doing = []string{nobodyKeeps(s.Name, timeline.Retirement)}
	case !ended && why.Reason != app.ReasonTemporalUnreachable:
		answer.Work = k.work(ctx, keeper, answer.Status)
	}
	if err := k.showStatus(s.outputFlag, answer); err != nil || !gone {
		return err
	}
	return shownError{why}
}

// nobodyKeeps says what to do about a certificate that no workflow keeps. A workflow that has come to its end, and not
// in this database, must be started before the certificate can be retired.
func nobodyKeeps(name string, retirement app.Retirement) string {
	if retirement != "" {
		return "Nothing: no workflow goes on with its retirement. To have one go on: " +
			retireAgain(name, retirement) + "."
	}
	return "Nothing: no workflow keeps it, so nobody renews it. To start one: everleaf cert ensure " + name +
		". If it is not wanted any more: the same, and then everleaf cert retire " + name + "."
}

// retireAgain is the command that goes on with a retirement as it was asked for.
func retireAgain(name string, retirement app.Retirement) string {
	command := "everleaf cert retire " + name
	if retirement == app.Clearing {
		command += " --remove-deliveries"
	}
	return command
}

// doing is what Postgres knows of what is at work, and since when.
func (k kit) doing(e app.Explanation) (lines []string) {
	if o := e.Order; o != nil && e.Failure != nil { // else it is what comes next
		lines = append(lines, "An order that the issuer "+o.Issuer+" has is at work, since "+k.moment(o.Since)+".")
	}
	for _, next := range e.Next {
		if next.At.IsZero() || !next.At.After(k.now()) {
			due := ""
			if !next.At.IsZero() {
				due = "due since " + k.moment(next.At) + ": "
			}
			lines = append(lines, due+next.What)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "Nothing at the moment.")
	}
	return lines
}
