// Package fields finds what a JSON text says that its type has no field for, and fields that are there twice: a decoder
// would ignore that, and with it what a misspelt field asks for. Workflows replay it.
package fields
