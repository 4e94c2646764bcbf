package main

import (
	"context"

	"everleaf/app"
)

type accountExplainCmd struct {
	Name   string `arg:"" name:"issuer" help:"The issuer's name in the settings."`
	Events int    `default:"100" placeholder:"N" help:"How many events to read, the newest first."`
	outputFlag
	postgresSettings
	startSettings
}

// Run needs Postgres alone, and shows no key.
func (e accountExplainCmd) Run(ctx context.Context, k *kit) error {
	if err := checkEvents(e.Events); err != nil {
		return err
	}
	var config app.Config
	e.postgresSettings.apply(&config)
	e.startSettings.apply(&config)
	timeline, err := k.explainAccount(ctx, config, e.Name, e.Events)
	if err != nil {
		return err
	}
	if e.Output == "json" {
		return k.json(timeline)
	}
	sections := []section{{"", []string{"Issuer " + e.Name}}}
	for _, a := range timeline.Accounts {
		lines := []string{"Account: " + a.URL, "Known since " + k.moment(a.Since),
			"The CA has " + contact(a.Contact) + "."}
		if a.URL == "" {
			lines[0] = "Account: the CA has not answered yet; the next use registers it."
		}
		if a.RollingOver {
			lines = append(lines, "A new key is stored which the CA may not know yet: the next use, or everleaf account "+
				"rollover "+e.Name+", settles it.")
		}
		sections = append(sections, section{"At " + a.Directory, lines})
	}
	return k.sections(append(sections, section{"What happened, newest first",
		k.narrate(timeline.Events, timeline.Earlier)}))
}
