package main

import (
	"encoding/json"
	"strings"
	"time"

	"everleaf/app"
)

// entry is an event, or several that say the same.
type entry struct {
	app.Event
	detail eventDetail
	// raw reports whether the detail is none that this release knows.
	raw bool
	// times counts events that were folded into this one; first is the instant of the earliest.
	times int
	first time.Time
}

// key is the same for failures that repeat; empty for what is shown each time.
func (t entry) key() string {
	if t.raw || t.Type != "failed" && t.Type != "delivery_failed" {
		return ""
	}
	f := t.detail.Failure
	return strings.Join([]string{t.Type, t.detail.Target, f.Step, f.Issuer, string(f.Fault.Kind),
		string(f.Fault.Reason)}, "\x00")
}

// partOfAttempt are events that come with each attempt; between failures that are folded they say nothing new.
var partOfAttempt = map[string]bool{"placed": true, "abandoned": true}

// fold makes one of failures that repeat, also where other things of the same attempts, or deliveries that fail beside
// them, stand in between. Events are newest first.
func fold(events []app.Event) []entry {
	all := make([]entry, len(events))
	for i, e := range events {
		all[i] = entry{Event: e, times: 1, first: e.At}
		all[i].raw = json.Unmarshal(e.Detail, &all[i].detail) != nil
	}
	gone := make([]bool, len(all))
	var timeline []entry
	for i := range all {
		if gone[i] {
			continue
		}
		var between []int
		for j := i + 1; j < len(all) && all[i].key() != ""; j++ {
			switch other := all[j]; {
			case gone[j]:
			case other.key() == all[i].key():
				all[i].times, all[i].first, gone[j] = all[i].times+1, other.At, true
				for _, b := range between {
					gone[b] = true
				}
				between = nil
			case all[i].Type == "failed" && partOfAttempt[other.Type]:
				between = append(between, j)
			case other.Type == "delivery_failed" || other.Type == "failed" && all[i].Type == "delivery_failed":
				// It goes on beside.
			default:
				j = len(all) // a chapter ends
			}
		}
		timeline = append(timeline, all[i])
	}
	return timeline
}
