package temporal

import (
	"log/slog"

	"go.temporal.io/sdk/contrib/sysinfo"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"everleaf/domain"
)

// NewTuner gives slots while memory and CPU, as fractions of what the process may use, are under their targets. In a
// container that is what its cgroup (version 2) allows; a target needs its limit there, since without one the
// container is never seen to fill. Elsewhere it is the machine's. Make one for the whole process. Faults: Operator
// "ResourcesUnreadable".
func NewTuner(memory, cpu float64, logger *slog.Logger) (worker.WorkerTuner, error) {
	provider := sysinfo.SysInfoProvider()
	// Asked once here, since a tuner that reads nothing would only log and starve.
	if _, err := provider.MemoryUsage(&worker.SysInfoContext{Logger: sdklog.NewStructuredLogger(logger)}); err != nil {
		return nil, unreadableFault(err)
	}
	tuner, err := worker.NewResourceBasedTuner(worker.ResourceBasedTunerOptions{
		TargetMem: memory, TargetCpu: cpu, InfoSupplier: provider,
	})
	if err != nil {
		return nil, unreadableFault(err)
	}
	return tuner, nil
}

func unreadableFault(cause error) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonResourcesUnreadable, cause,
		"memory and CPU use cannot be read here; leave --target-memory and --target-cpu out and set slots instead")
}
