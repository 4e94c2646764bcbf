package replaytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
)

// content is what a history's own events hold of the calls, by kind, one line each.
type content map[string][]string

// ownAttribute is the SDK's search attribute, which a gate writes.
const ownAttribute = "TemporalChangeVersion"

// held reads a history.
func held(history *historypb.History) content {
	found := content{}
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	attributes := map[string]json.RawMessage{}
	merge(attributes, started.GetSearchAttributes())
	add := func(do, name string, value any) {
		found[do] = append(found[do], line(do, name, value))
	}
	for _, event := range history.Events {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			a := event.GetActivityTaskScheduledEventAttributes()
			add(doActivity, a.GetActivityType().GetName(), step{
				Queue: a.GetTaskQueue().GetName(), Heartbeat: a.GetHeartbeatTimeout().AsDuration(),
				ScheduleToClose: a.GetScheduleToCloseTimeout().AsDuration(),
				StartToClose:    a.GetStartToCloseTimeout().AsDuration(),
				Priority:        int(a.GetPriority().GetPriorityKey()), Fairness: a.GetPriority().GetFairnessKey(),
				Input: values(a.GetInput()),
			})
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			add(doTimer, "", event.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration())
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			found.marker(event.GetMarkerRecordedEventAttributes())
		case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			if merge(attributes, event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes()) {
				add(doSearch, "", attributes)
			}
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
			u := event.GetWorkflowExecutionUpdateCompletedEventAttributes()
			if f := u.GetOutcome().GetFailure(); f != nil {
				add(doAnswer, u.GetMeta().GetUpdateId(), said(f))
			} else {
				add(doAnswer, u.GetMeta().GetUpdateId(), one(u.GetOutcome().GetSuccess()))
			}
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
			c := event.GetWorkflowExecutionContinuedAsNewEventAttributes()
			add(doContinue, c.GetWorkflowType().GetName(), values(c.GetInput()))
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
			add(doResult, "", one(event.GetWorkflowExecutionCompletedEventAttributes().GetResult()))
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
			add(doFailure, "", said(event.GetWorkflowExecutionFailedEventAttributes().GetFailure()))
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
			add(doFailure, "", failure{Error: "canceled"})
		}
	}
	return found
}

// step is what a history holds of an activity as its worker asked for it; the server fills in the rest.
type step struct {
	Queue                                    string
	ScheduleToClose, StartToClose, Heartbeat time.Duration
	Priority                                 int
	Fairness                                 string
	Input                                    []json.RawMessage
}

func (c content) marker(m *historypb.MarkerRecordedEventAttributes) {
	details := func(key string, into any) {
		_ = converter.GetDefaultDataConverter().FromPayloads(m.GetDetails()[key], into)
	}
	switch m.GetMarkerName() {
	case "LocalActivity":
		var data struct{ ActivityType string }
		details("data", &data)
		c[doLocal] = append(c[doLocal], line(doLocal, data.ActivityType, nil))
	case "Version":
		var gate string
		var version int
		details("change-id", &gate)
		details("version", &version)
		c[doVersion] = append(c[doVersion], line(doVersion, gate, version))
	}
}

// compare is an error about the first event that holds something else than the calls, nil if there is none. A call that
// is given up in the task in which it is made leaves no event, and a local activity leaves one when it has ended.
func (c content) compare(calls []Call, limit time.Duration) error {
	for _, do := range []string{doActivity, doLocal, doTimer, doSearch, doVersion, doAnswer, doContinue, doResult,
		doFailure} {
		var made []string
		for _, call := range calls {
			if call.Do == do {
				made = append(made, call.event(limit))
			}
		}
		recorded := c[do]
		switch do {
		case doLocal, doAnswer:
			slices.Sort(made)
			slices.Sort(recorded)
			made = common(made, recorded)
		case doActivity, doTimer:
			made = common(made, recorded)
		}
		where := func(i int) string { return fmt.Sprintf("%s %d", do, i+1) }
		if err := differ(where, "in the history", recorded, "now", made); err != nil {
			return err
		}
	}
	return nil
}

// common leaves out of made what recorded does not have in that order, unless recorded has something else.
func common(made, recorded []string) (left []string) {
	rest := made
	for _, event := range recorded {
		i := slices.Index(rest, event)
		if i < 0 {
			return append(left, rest...)
		}
		left, rest = append(left, event), rest[i+1:]
	}
	return left
}

// event is the call as the history's event holds it.
func (c Call) event(limit time.Duration) string {
	switch c.Do {
	case doLocal:
		return line(c.Do, c.Name, nil)
	case doActivity:
		var set options
		_ = json.Unmarshal(c.Options, &set)
		var input []json.RawMessage
		_ = json.Unmarshal(c.Value, &input)
		return line(c.Do, c.Name, step{
			Queue: set.Queue, Heartbeat: set.Heartbeat,
			ScheduleToClose: within(limit, set.ScheduleToClose), StartToClose: within(limit, set.StartToClose),
			Priority: set.Priority.PriorityKey, Fairness: set.Priority.FairnessKey, Input: input,
		})
	default:
		return line(c.Do, c.Name, c.Value)
	}
}

// within is a time-out as the server stores it, in a run that has this time-out itself; zero is none.
func within(limit, timeout time.Duration) time.Duration {
	if limit > 0 {
		return min(limit, timeout)
	}
	return timeout
}

func line(do, name string, value any) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", do, name, encode(value)))
}

func values(payloads *commonpb.Payloads) (all []json.RawMessage) {
	for _, payload := range payloads.GetPayloads() {
		all = append(all, payload.GetData())
	}
	return all
}

func one(payloads *commonpb.Payloads) json.RawMessage {
	if all := values(payloads); len(all) > 0 && len(all[0]) > 0 {
		return all[0]
	}
	return nil
}

func said(f *failurepb.Failure) failure {
	info := f.GetApplicationFailureInfo()
	return failure{Error: f.GetMessage(), Type: info.GetType(), Details: values(info.GetDetails())}
}

// merge takes over what is set and unset. It reports whether any of that is the workflow's own.
func merge(all map[string]json.RawMessage, upserted *commonpb.SearchAttributes) (own bool) {
	for name, payload := range upserted.GetIndexedFields() {
		switch {
		case name == ownAttribute:
			continue
		case len(payload.GetData()) == 0 || string(payload.GetData()) == "null":
			delete(all, name)
		default:
			all[name] = payload.GetData()
		}
		own = true
	}
	return own
}
