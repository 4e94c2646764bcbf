// Package demo shows: a certificate obtained, served and renewed, in lines that a person can follow.
package demo
