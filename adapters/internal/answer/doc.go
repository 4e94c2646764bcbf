// Package answer reads what HTTP services say beside their bodies: what the adapters that call them have in common.
package answer
