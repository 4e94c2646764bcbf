package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"everleaf/adapters/activities/activitytest"
)

// What a try saves before it fails is where the next one goes on.
func TestProgressGoesFromTryToTry(t *testing.T) {
	env := activitytest.Env(nil)
	var saved string
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		require.NoError(t, details.Get(&saved))
	})
	var begun string
	env.RegisterActivityWithOptions(func(ctx context.Context, next string) error {
		begun = Resumed[string](ctx)
		beating, p := Beat(ctx, time.Hour, begun)
		defer p.Stop()
		p.Reached(next)
		p.Save(ctx)
		require.Error(t, beating.Err(), "nothing goes on after it was saved")
		return errors.New("again")
	}, activity.RegisterOptions{Name: "step"})
	for _, try := range []struct{ begun, next string }{{"", "one"}, {"one", "two"}, {"two", "two"}} {
		_, err := env.ExecuteActivity("step", try.next)
		require.Error(t, err)
		require.Equal(t, try.begun, begun)
		env.SetHeartbeatDetails(saved)
	}
	env.SetHeartbeatDetails(12) // of another build
	_, err := env.ExecuteActivity("step", "three")
	require.Error(t, err)
	require.Empty(t, begun, "what cannot be read is as if it were lost")
}
