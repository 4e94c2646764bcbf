package app

import (
	"fmt"
	"strings"
	"time"
)

// What a stop takes after the drain, stage by stage. Each is a bound, not a wait.
const (
	// releaseTime lets steps that the drain did not see finish inform the server, so that another worker takes them.
	releaseTime = 2 * time.Second
	// listenersTime lets what the responder and the pull listener have been asked be answered, side by side.
	listenersTime = time.Second
	// connectionsTime is for the process's entry in the table of processes, for Temporal's connections and for the
	// database's, a third each.
	connectionsTime = time.Second
	// telemetryTime is for sending the last traces, if any are sent.
	telemetryTime = 500 * time.Millisecond
	// probesTime is the same as listenersTime for the operations listener, the last of all.
	probesTime = 400 * time.Millisecond
)

// Stage is one part of a stop and how long it may take.
type Stage struct {
	Name string
	Time time.Duration
}

// Budget is how long a stop may take, by stages that come one after the other. The workers of all roles stop side by
// side, so the drain is there once.
type Budget []Stage

// StopBudget is what this process needs from SIGTERM to its end. It reads config.Roles and config.StopTimeout.
func (c Config) StopBudget() Budget {
	var b Budget
	if len(c.polling()) > 0 {
		b = append(b, Stage{"drain", c.StopTimeout}, Stage{"release", releaseTime})
	}
	return append(b, Stage{"listeners", listenersTime}, Stage{"connections", connectionsTime},
		Stage{"telemetry", telemetryTime},
		Stage{"probes", probesTime})
}

// Total is the sum of the stages.
func (b Budget) Total() (total time.Duration) {
	for _, stage := range b {
		total += stage.Time
	}
	return total
}

// String is the sum as it is made: "29.9s = drain 25s + release 2s + listeners 1s + connections 1s + …".
func (b Budget) String() string {
	var terms []string
	for _, stage := range b {
		terms = append(terms, fmt.Sprintf("%s %s", stage.Name, stage.Time))
	}
	return fmt.Sprintf("%s = %s", b.Total(), strings.Join(terms, " + "))
}
