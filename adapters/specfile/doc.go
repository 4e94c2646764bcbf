// Package specfile touches the YAML and JSON in which people write specs: one spec, or a fleet of certificates with
// what they have in common. It is strict: a field that does not exist is an error that names its line.
package specfile
