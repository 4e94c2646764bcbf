// Package timeout reads the time-outs of a configuration file: what the adapters that are configured there have in
// common.
package timeout
