// Package kinds reads of which kind an entry of the configuration file is. The entry's struct is the table of kinds: it
// has a pointer to the settings of each, of which exactly one is set. So a new kind is its own file and a field there.
package kinds
