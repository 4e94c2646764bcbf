// Package fields finds what a JSON text says that its type has no field for: a decoder ignores it, and a misspelt field
// would be a wish that nobody hears. Workflows replay it.
package fields
