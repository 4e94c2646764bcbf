package domain

import "time"

// maxSeen bounds what a look has seen, in octets.
const maxSeen = 500

// Look is what a step that waits has seen last. It is in the step's heartbeats, where callers find it.
type Look struct {
	// For is what it waits for, in a few words.
	For string `json:"for,omitempty"`
	// Seen is the last answer.
	Seen string `json:"seen,omitempty"`
	// Since is when it began to wait, Until when it gives up; zero if it does not wait, or nobody can say.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// SeenText bounds what a look has seen to one line of at most 500 octets.
func SeenText(seen string) string { return oneLine(seen, maxSeen) }

// Work is a step of a certificate's workflow that is at work, or waits for its next try, as Temporal knows it.
type Work struct {
	Step string `json:"step"`
	// Queue is the task queue whose workers run it.
	Queue string `json:"queue,omitempty"`
	// Since is when the try at work was scheduled, or when the last one ended. Attempt counts the tries. Started
	// reports whether a worker has taken it, and Worker names that, or the one that had the last try.
	Since   time.Time `json:"since"`
	Attempt int       `json:"attempt"`
	Started bool      `json:"started,omitempty"`
	Worker  string    `json:"worker,omitempty"`
	// Failure is the message of the last try, NextTry the instant of the next; empty and zero without any.
	Failure string    `json:"failure,omitempty"`
	NextTry time.Time `json:"nextTry,omitzero"`
	// Look is what it waits for.
	Look
}
