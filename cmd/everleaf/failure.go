package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"everleaf/app"
)

// failure is what a program reads on stdout in place of the result, with the fields of a status' failure.
type failure struct {
	Error struct {
		Kind    string `json:"kind"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
		// RetryAfter is in nanoseconds, as in a status.
		RetryAfter time.Duration `json:"retryAfter,omitempty"`
	} `json:"error"`
}

// failed describes err by its fault, or by the exit code if it is none.
func failed(err error, code int) failure {
	var f failure
	var fault *app.Fault
	switch {
	case code == exitTimeout:
		f.Error.Kind, f.Error.Reason = "Wait", "Timeout"
	case code == exitInterrupted:
		f.Error.Kind, f.Error.Reason = "Wait", "Interrupted"
	case errors.As(err, &fault):
		f.Error.Kind, f.Error.Reason, f.Error.RetryAfter = string(fault.Kind), string(fault.Reason), fault.RetryAfter
	case code == exitUsage:
		f.Error.Kind, f.Error.Reason = "Spec", "Usage"
	default:
		f.Error.Kind, f.Error.Reason = "Operator", "Unexpected"
	}
	f.Error.Message = plain(err.Error())
	return f
}

// wantsJSON reports whether --output json is given. It looks at the arguments themselves, since one that cannot be
// parsed is a failure, too.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	wants := false
	for i, arg := range args {
		flag, value, joined := strings.Cut(arg, "=")
		if rest, ok := strings.CutPrefix(arg, "-o"); ok && rest != "" && !strings.HasPrefix(arg, "--") {
			flag, value, joined = "-o", rest, true
		}
		if flag != "-o" && flag != "--output" {
			continue
		}
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		wants = value == "json"
	}
	return wants
}
