package main

import "context"

type statusCmd struct {
	nameArg
	outputFlag
	temporalSettings
}

// Run exits 0 whenever the workflow answers, also if the certificate is failing: it is in the answer.
func (s statusCmd) Run(ctx context.Context, k *kit) error {
	keeper, closer, err := k.open(s.temporalSettings)
	if err != nil {
		return err
	}
	defer closer()
	status, err := keeper.Status(ctx, s.Name)
	if err != nil {
		return err
	}
	return k.show(s.outputFlag, status)
}
