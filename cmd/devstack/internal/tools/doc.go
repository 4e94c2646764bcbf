// Package tools finds: the servers' and checkers' binaries, which it builds or has installed once if they are missing.
package tools
