package sealing_test

import (
	"fmt"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// running is a table of these processes.
func running(t *testing.T, all ...ports.Process) *mocks.MockProcesses {
	t.Helper()
	processes := mocks.NewMockProcesses(gomock.NewController(t))
	processes.EXPECT().Processes(gomock.Any()).AnyTimes().Return(all, nil)
	return processes
}

// keyed is a process that opens what these keys seal, and seals with the first.
func keyed(id string, keys ...string) ports.Process {
	p := ports.Process{ID: id, ProcessSettings: ports.ProcessSettings{Roles: []string{"workflows", "delivery"},
		Opens: keys}}
	if len(keys) > 0 {
		p.SealsWith = keys[0]
	}
	return p
}

// Nothing is sealed again, and no key takes the lead, while a running process could not open it.
func TestAKeyThatOthersDoNotKnow(t *testing.T) {
	t.Parallel()
	oldURL, _ := keyFile(t, 1)
	newURL, _ := keyFile(t, 2)
	rotated := ring(t, newURL, oldURL)
	now, former := rotated.IDs()[0], rotated.IDs()[1]
	require.Len(t, now, 18)
	require.NotEqual(t, now, former)
	require.Equal(t, []string{former}, ring(t, oldURL).IDs())

	responder := keyed("3@c/z") // has no key
	ready := keyed("1@a/x", former, now)
	require.NoError(t, sealing.CheckShared(t.Context(), rotated, running(t, ready, responder)))
	require.NoError(t, sealing.CheckOpens(t.Context(), rotated, running(t, ready, responder)))

	behind := keyed("2@b/y", former)
	secrets := mocks.NewMockSecrets(gomock.NewController(t)) // nothing is replaced
	secrets.EXPECT().ListStale(gomock.Any(), gomock.Any(), gomock.Any(), gomock.Any()).Return([]ports.SealedSecret{{}},
		nil)
	_, err := sealing.NewResealer(rotated, secrets, running(t, ready, behind, responder)).Reseal(t.Context(), "")
	requireFault(t, err, domain.FaultOperator, "SealingKeyNotShared")
	for _, part := range []string{now, "2@b/y (workflows,delivery)", "--sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD)"} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "1@a/x")
	require.NotContains(t, err.Error(), "3@c/z")
	var many []ports.Process
	for i := range 7 {
		many = append(many, keyed(fmt.Sprint("many-", i), former))
	}
	require.ErrorContains(t, sealing.CheckShared(t.Context(), rotated, running(t, many...)),
		"many-4 (workflows,delivery), and 2 more;")

	err = sealing.CheckOpens(t.Context(), ring(t, oldURL), running(t, behind, keyed("4@d/w", now, former)))
	requireFault(t, err, domain.FaultOperator, "SealingKeyWrong")
	require.ErrorContains(t, err, "4@d/w (workflows,delivery) seals with "+now)
	require.ErrorContains(t, err, "list that key in --sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD) here")

	away := mocks.NewMockProcesses(gomock.NewController(t))
	away.EXPECT().Processes(gomock.Any()).Times(2).Return(nil,
		domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "away"))
	requireFault(t, sealing.CheckShared(t.Context(), rotated, away), domain.FaultWait, "DatabaseUnavailable")
	requireFault(t, sealing.CheckOpens(t.Context(), rotated, away), domain.FaultWait, "DatabaseUnavailable")
}
