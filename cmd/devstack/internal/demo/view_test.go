package demo

import (
	"os"
	"strings"
	"testing"
)

// The page on operation describes the same view.
func TestViewIsThePages(t *testing.T) {
	page, err := os.ReadFile("../../../everleaf/docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range append([]string{viewQuery}, viewColumns...) {
		if !strings.Contains(string(page), part) {
			t.Errorf("the page has no %q", part)
		}
	}
	if got, want := View("http://ui"), "http://ui/namespaces/default/workflows?query=WorkflowType+%3D+%27Certificate%27+AND+"+
		"ExecutionStatus+%3D+%27Running%27&savedQuery=Certificates"; got != want {
		t.Errorf("link %s, want %s", got, want)
	}
}
