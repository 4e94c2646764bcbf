// Package system touches what the machine itself gives: the time of day and chance.
package system
