// Package configfile touches the configuration file: issuers, DNS zones and delivery targets in YAML, with secrets by
// reference to environment variables.
//
// The file is read strictly, in two steps. Read looks at its shape and resolves nothing; Issuers, Zones and Targets
// put in the variables of their own part, so that a process needs only the secrets of what it does.
package configfile
