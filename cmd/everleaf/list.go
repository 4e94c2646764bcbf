package main

import (
	"context"

	"everleaf/app"
)

// page is how many records one query of list fetches.
const page = 500

type listCmd struct {
	outputFlag
	postgresSettings
	startSettings
}

// Run reads page by page, so that a list of any length holds up nobody in the database.
func (l listCmd) Run(ctx context.Context, k *kit) error {
	var config app.Config
	l.postgresSettings.apply(&config)
	l.startSettings.apply(&config)
	catalog, closer, err := k.catalog(ctx, config)
	if err != nil {
		return err
	}
	defer closer()
	records := []app.Record{} // JSON's [] and not null
	for after := ""; ; {
		more, err := catalog.List(ctx, after, page)
		if err != nil {
			return err
		}
		records = append(records, more...)
		if len(more) < page {
			break
		}
		after = more[len(more)-1].Name
	}
	if l.Output == "json" {
		return k.json(records)
	}
	return k.table(records)
}
