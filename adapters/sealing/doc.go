// Package sealing touches the sealing keys: it makes certificate keys, seals secrets at rest, and seals again what an
// earlier key has sealed.
//
// Each secret is sealed with a fresh data key of its own (AES-256-GCM), and only that key is handed to the key service:
// some take no more than a few hundred octets (Azure Key Vault with RSA-OAEP), fewer than a private key has.
//
// What is sealed names the key that sealed it, by a fingerprint that is no secret: a keyed hash for a key in a file, a
// hash of the URL for one in a key service. It also names its place, kind and owner, which are authenticated with the
// secret, and ends with a checksum of the whole. So the reasons why a secret does not open are distinguished:
//
//   - the checksum does not match: damage, whatever keys there are ("SecretDamaged");
//   - it matches, and no configured key has the fingerprint or opens it: a wrong key ("SealingKeyWrong");
//   - the key opens the data key and the secret does not authenticate, or the key in a file has the fingerprint and
//     does not open the data key: somebody changed it, checksum and all ("SecretDamaged");
//   - it authenticates, and names another place: somebody moved it there ("SecretMisplaced").
//
// Keys hands out a certificate's key only for the chain that it is for ("KeyMismatch").
package sealing
