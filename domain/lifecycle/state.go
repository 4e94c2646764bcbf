package lifecycle

import (
	"encoding/json"
	"fmt"

	"everleaf/domain"
	"everleaf/domain/fields"
)

// Version is the version of this package's rules and of State's format. When to raise it, package app/replaytest says.
const Version = 1

const (
	// maxInput bounds a caller's input in octets: a spec and little else.
	maxInput = 64 << 10
	// maxState and maxDeliveries bound what a run hands on, in octets and targets, well beyond what a valid spec makes
	// of it.
	maxState      = 4 * maxInput
	maxDeliveries = 100
	// lowest is the least urgent priority that Temporal takes.
	lowest = 5
)

// Mode is what the workflow is there for.
type Mode string

const (
	// Active: the certificate is kept in service.
	Active Mode = "Active"
	// Retiring: the workflow ends when nothing is left to do; targets keep the certificate.
	Retiring Mode = "Retiring"
	// Clearing is Retiring, but the targets are cleared first.
	Clearing Mode = "Clearing"
	// Retired: nothing is left to do; the workflow ends when its callers have their answers, unless they ask for more.
	Retired Mode = "Retired"
	// Cancelled: the workflow was cancelled and ends as soon as that is recorded.
	Cancelled Mode = "Cancelled"
	// Ended: the workflow was cancelled, and nothing is done any more; it ends when its callers have their answers.
	Ended Mode = "Ended"
	// Refused: the first input was no valid one; the workflow fails when its callers have their answers.
	Refused Mode = "Refused"
)

// State is what one run hands to the next. It says what was asked for and nothing else: whatever an input holds, no
// key, version or revocation is reached through it.
type State struct {
	// Machine is the Version of the rules that wrote it, which is the one under which that run began; 0 is a caller's
	// input. In a Machine it is that of this run: a rule that has changed asks for it.
	Machine int         `json:"machine,omitempty"`
	Spec    domain.Spec `json:"spec"`
	// Generation is Spec's, as Postgres counts; 0 until it has.
	Generation int64 `json:"generation,omitempty"`
	// Expected is the generation that a caller's input expects: see domain.Request. A run that goes on expects none.
	Expected *int64 `json:"expectedGeneration,omitempty"`
	// Caller is who started the workflow, in a caller's words. It is not handed on.
	Caller string `json:"-"`
	// Resume reports whether a caller's input asks for what is stored, and has no spec. It is not handed on.
	Resume bool `json:"-"`
	Mode   Mode `json:"mode,omitempty"`
	// Want is a certificate that was asked for and is not obtained yet.
	Want *domain.Want `json:"want,omitempty"`
	// Cycle counts the certificates that this workflow has obtained.
	Cycle int `json:"cycle,omitempty"`
	// Tenant is the fairness key that the policy gave last.
	Tenant string `json:"tenant,omitempty"`
	// Priority is how urgent the last attempt is, 1 to 5. So are the deliveries of its certificate, until all targets
	// have it; then it is 0.
	Priority int `json:"priority,omitempty"`
	// Visible is what visibility knows already.
	Visible *Visible `json:"visible,omitempty"`
}

// NewerStateError is a state that a newer build has written: only that build can go on with it.
type NewerStateError struct{ Machine int }

func (e *NewerStateError) Error() string {
	return fmt.Sprintf("the workflow's state has machine version %d, and this build knows versions up to %d: run a "+
		"build that "+
		"knows it; the workflow waits until then and loses nothing", e.Machine, Version)
}

// Decode reads a workflow's input. continued reports whether an earlier run handed it on: otherwise only the spec
// counts, and there is nothing but what a caller may say.
//
// A *domain.Fault is a caller's input that can never be carried out. Any other error is a state that this build cannot
// read: the workflow must wait for a build that can.
func Decode(input []byte, continued bool) (State, error) {
	if !continued {
		return decodeFirst(input)
	}
	var version struct {
		Machine int `json:"machine"`
	}
	if err := json.Unmarshal(input, &version); err == nil && version.Machine > Version {
		return State{}, &NewerStateError{Machine: version.Machine}
	}
	var state State
	if err := json.Unmarshal(input, &state); err != nil {
		return State{}, fmt.Errorf("decode the workflow's state: %w", err)
	}
	forged := len(input) > maxState || len(state.Spec.Deliveries) > maxDeliveries
	if state.Machine <= 0 || forged { // another workflow has continued as this one: its spec is checked as a caller's
		return State{Spec: state.Spec, Mode: Active}, nil
	}
	if state.Mode != Retiring && state.Mode != Clearing {
		state.Mode = Active
	}
	if state.Priority < 1 || state.Priority > lowest {
		state.Priority = 0
	}
	if state.Want != nil && !asksFor(*state.Want) {
		state.Want = nil
	}
	return state, nil
}

// start is a caller's input.
type start struct {
	Spec     domain.Spec `json:"spec"`
	Expected *int64      `json:"expectedGeneration"`
	Caller   string      `json:"caller"`
	Resume   bool        `json:"resume"`
}

// Read decodes what a caller says, called what in messages. It is strict: a field that this build does not know is a
// Spec fault "UnknownField", what does not fit otherwise "InputMalformed". Of an input it is replayed: a field that is
// added there raises Version, so that no build which knows it shares a run with one that does not.
func Read[T any](what string, text []byte) (T, *domain.Fault) {
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		return value, refused(domain.ReasonInputMalformed, "%s: %v", what, err)
	}
	if unknown := fields.Unknown[T](text); unknown != "" {
		return value, refused(domain.ReasonUnknownField, "%s: %s. If it is new, this worker is older than the caller: leave it "+
			"out, or deploy the newer build", what, unknown)
	}
	if twice := fields.Twice(text); twice != "" {
		return value, refused(domain.ReasonInputMalformed, "%s: %s: leave one of them out", what, twice)
	}
	return value, nil
}

// TooLarge refuses what a caller says, called what in messages, if it has more octets than a request needs: each is in
// the history, and the server terminates a workflow that accepts more than it can store.
func TooLarge(what string, text []byte) *domain.Fault {
	if len(text) <= maxInput {
		return nil
	}
	return refused(domain.ReasonInputTooLarge, "%s: %d octets, but there may be %d: a spec is all that it needs", what,
		len(text), maxInput)
}

func decodeFirst(input []byte) (State, error) {
	if refusal := TooLarge("input", input); refusal != nil {
		return State{}, refusal
	}
	if len(input) == 0 || string(input) == "null" {
		return State{}, refused(domain.ReasonNoSpec, `input: empty; give {"spec": {"names": ["www.example.com"]}}`)
	}
	first, refusal := Read[start]("input", input)
	if refusal != nil {
		return State{}, refusal
	}
	if first.Resume && (len(first.Spec.Names) > 0 || first.Expected != nil) {
		return State{}, refused(domain.ReasonInputMalformed,
			"input: resume goes without spec and expectedGeneration: leave them out, or leave resume out")
	}
	if first.Resume {
		return State{Resume: true, Caller: first.Caller, Mode: Active}, nil
	}
	return State{Spec: first.Spec, Expected: first.Expected, Caller: first.Caller, Mode: Active}, nil
}

// asksFor reports whether somebody asked for the certificate: all other wants follow from the record.
func asksFor(want domain.Want) bool {
	return want.Reason == domain.WakeChanged || want.Reason == domain.WakeRequested ||
		want.Reason == domain.WakeRevocation
}

func refused(reason domain.Reason, format string, args ...any) *domain.Fault {
	return &domain.Fault{Kind: domain.FaultSpec, Reason: reason, Message: fmt.Sprintf(format, args...), Final: true}
}
