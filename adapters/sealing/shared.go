package sealing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"everleaf/domain"
	"everleaf/ports"
)

// maxNamed bounds the processes that a message names.
const maxNamed = 5

// CheckShared refuses to seal for others what a running process cannot open: an Operator fault "SealingKeyNotShared"
// names the processes and the setting. Processes without sealing keys do not count. Faults besides: those of
// ports.Processes.
func CheckShared(ctx context.Context, ring ports.KeyRing, processes ports.Processes) error {
	running, err := processes.Processes(ctx)
	if err != nil {
		return err
	}
	current := ring.IDs()[0]
	var without []string
	for _, process := range running {
		if process.SealsWith != "" && !slices.Contains(process.Opens, current) {
			without = append(without, named(process))
		}
	}
	if len(without) == 0 {
		return nil
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyNotShared, nil,
		"the sealing key %s is not known to these running processes, which could not work with what it seals: %s; give each "+
			"of them the key, in %s until all have it, and then try again (everleaf process list shows what each opens; a key "+
			"of a key service needs the same URL everywhere)", current, listed(without), settingOld)
}

// SealingOtherwise names the running processes that seal with another key than the ring's current one. Faults: those of
// ports.Processes.
func SealingOtherwise(ctx context.Context, ring ports.KeyRing, processes ports.Processes) (names []string, err error) {
	running, err := processes.Processes(ctx)
	for _, process := range running {
		if process.SealsWith != "" && process.SealsWith != ring.IDs()[0] {
			names = append(names, named(process))
		}
	}
	return names, err
}

// CheckOpens refuses a ring that does not open what the running processes seal: an Operator fault "SealingKeyWrong"
// names them and the setting. Faults besides: those of ports.Processes.
func CheckOpens(ctx context.Context, ring ports.KeyRing, processes ports.Processes) error {
	running, err := processes.Processes(ctx)
	if err != nil {
		return err
	}
	opens := ring.IDs()
	var strange []string
	for _, process := range running {
		if process.SealsWith != "" && !slices.Contains(opens, process.SealsWith) {
			strange = append(strange, named(process)+" seals with "+process.SealsWith)
		}
	}
	if len(strange) == 0 {
		return nil
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyWrong, nil,
		"this process cannot open what others seal: %s; list that key in %s here (a key of a key service needs the same URL "+
			"everywhere)", listed(strange), settingOld)
}

func named(process ports.Process) string {
	return fmt.Sprintf("%s (%s)", process.ID, strings.Join(process.Roles, ","))
}

func listed(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		names = append(slices.Clone(names[:maxNamed]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
