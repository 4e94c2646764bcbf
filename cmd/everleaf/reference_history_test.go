package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// span is a row of the picture: what began with one event of a history, and ended with another.
type span struct {
	kind, summary string
	begin, end    int // an end of 0 is none: it goes on
}

// spansOf are what Temporal's UI shows as rows of a timeline. Workflow tasks are left out.
func spansOf(t *testing.T, history *historypb.History) (all []*span) {
	t.Helper()
	byID := map[int64]*span{}
	ended := func(begun int64, e *historypb.HistoryEvent) {
		if s := byID[begun]; s != nil {
			s.end = int(e.EventId)
		}
	}
	for _, e := range history.Events {
		summary := summaryOf(t, e.GetUserMetadata().GetSummary())
		add := func(kind, summary string, lasts bool) {
			s := &span{kind: kind, summary: summary, begin: int(e.EventId)}
			if !lasts {
				s.end = s.begin
			}
			all, byID[e.EventId] = append(all, s), s
		}
		switch e.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			add("workflow", "certificate shop", true)
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			add("update", e.GetWorkflowExecutionUpdateAcceptedEventAttributes().AcceptedRequest.Input.Name, true)
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
			ended(e.GetWorkflowExecutionUpdateCompletedEventAttributes().AcceptedEventId, e)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			add("activity", summary, true)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			ended(e.GetActivityTaskCompletedEventAttributes().ScheduledEventId, e)
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			if e.GetMarkerRecordedEventAttributes().MarkerName == "LocalActivity" {
				add("local activity", summary, false)
			}
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			add("timer", regexp.MustCompile(`\d{4}-\S+`).ReplaceAllString(summary, "…"), true)
		case enumspb.EVENT_TYPE_TIMER_FIRED:
			ended(e.GetTimerFiredEventAttributes().StartedEventId, e)
		}
	}
	return all
}

func summaryOf(t *testing.T, payload *commonpb.Payload) (text string) {
	t.Helper()
	if payload != nil {
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(payload, &text))
	}
	return text
}

// TestReferenceOfHistory draws a recorded life: an Ensure, and the first renewal.
func TestReferenceOfHistory(t *testing.T) {
	file, err := os.Open("../../app/lifecycle/testdata/histories/renewal.json")
	require.NoError(t, err)
	defer file.Close()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	last := len(history.Events)
	var text strings.Builder
	text.WriteString("```history\n")
	row := func(kind, summary, picture string) {
		fmt.Fprintf(&text, "%-15s %-39s %s\n", kind, summary, picture)
	}
	ruler := ""
	for n := 1; n <= last; n++ {
		if n == 1 || n%10 == 0 {
			ruler += fmt.Sprint(n)
		} else if len(ruler) < n {
			ruler += " "
		}
	}
	row("", "event", ruler)
	for _, s := range spansOf(t, history) {
		picture := strings.Repeat(" ", s.begin-1)
		switch s.end {
		case 0:
			picture += "├" + strings.Repeat("─", last-s.begin) + "▶"
		case s.begin:
			picture += "│"
		default:
			picture += "├" + strings.Repeat("─", s.end-s.begin-1) + "┤"
		}
		row(s.kind, s.summary, picture)
	}
	text.WriteString("```\n")
	generated(t, "docs/concepts.md", "history", text.String())
}
