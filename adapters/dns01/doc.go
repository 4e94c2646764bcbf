// Package dns01 touches DNS for DNS-01 challenges (RFC 8555 §8.4): it writes TXT records into configured zones, and
// looks for them where a CA will.
//
// Nothing of a record is remembered in the process: what was written is in a ports.DNSRecords before DNS has it, so
// that the next worker removes it after a kill. Not done here: hosters' own interfaces, which
// an http or exec zone reaches, or a CNAME into a zone that is written here replaces.
package dns01
