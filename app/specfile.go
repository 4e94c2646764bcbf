package app

import (
	"everleaf/adapters/specfile"
)

// Fleet is a file of many certificates.
type Fleet = specfile.Fleet

// SpecFile is a file of one certificate.
type SpecFile = specfile.One

// ReadSpec reads one spec, as YAML or JSON. source names the file in messages; faults are Spec faults "SpecFile".
func ReadSpec(source string, content []byte) (SpecFile, error) {
	return specfile.ReadSpec(source, content)
}

// ReadFleet reads a file of many certificates. source names the file in messages; faults are Spec faults "SpecFile".
func ReadFleet(source string, content []byte) (Fleet, error) {
	return specfile.ReadFleet(source, content)
}

// WriteSpec writes a spec as YAML that ReadSpec reads.
func WriteSpec(file SpecFile) ([]byte, error) { return specfile.WriteSpec(file) }
