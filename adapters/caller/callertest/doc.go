// Package callertest helps the tests of services that ask Everleaf for certificates: Fake is an Everleaf in memory, and
// MockCertificates a gomock mock. What Fake does is compared with a real worker by the tests of Everleaf.
package callertest
