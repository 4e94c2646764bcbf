// Package sealing touches the sealing key: it makes certificate keys and seals secrets at rest.
//
// Each secret is sealed with a fresh key of its own (AES-256-GCM), and only that key is handed to the key service:
// some take no more than a few hundred octets (Azure Key Vault with RSA-OAEP), fewer than a private key has. The
// package does not store anything and does not rotate keys: key services do that behind one URL.
package sealing
