// Command contenders obtains certificates as other ACME clients do, for Everleaf's benchmarks to be measured beside:
// with CertMagic, whose own rate limiter is off, and with nothing but the ACME library. It is in this module so that
// CertMagic is in no go.mod of the product's. The CA must validate HTTP-01 at the address that is given.
//
// The one argument is the client's name, the standard input a Job, the standard output a Result.
package main
