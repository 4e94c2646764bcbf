package demo

import "net/url"

const viewName = "Certificates"

// viewQuery leaves out the runs that were continued as new, of which each certificate has many.
const viewQuery = "WorkflowType = 'Certificate' AND ExecutionStatus = 'Running'"

// viewColumns are worth a column. They are no part of a link: the web UI keeps them in the browser.
var viewColumns = []string{"Workflow ID", "EverleafState", "EverleafNotAfter", "EverleafNextRenewal", "EverleafIssuer",
	"EverleafNames"}

// View is a link that opens Temporal's web UI with the running certificates, and saves the query as a view of the
// browser's.
func View(webUI string) string {
	return webUI + "/namespaces/default/workflows?" +
		url.Values{"query": {viewQuery}, "savedQuery": {viewName}}.Encode()
}
