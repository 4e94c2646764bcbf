package sealing

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"gocloud.dev/secrets/localsecrets"
)

const (
	keyLength = 32
	// fileLimit is more than a key in base64 needs; a device or a wrong file is not read to its end.
	fileLimit = 4096

	howToMake = "make a key with `(umask 077; head -c32 /dev/urandom | base64 > sealing.key)` and give its absolute " +
		"path as " +
		"file:///path/sealing.key"
)

// openFile opens a file:///path URL.
func openFile(keyURL string) (*key, error) {
	u, err := url.Parse(keyURL)
	if err != nil || u.Host != "" || !filepath.IsAbs(u.Path) || u.RawQuery != "" || u.Fragment != "" {
		return nil, malformedFault(nil, "must be file:// and an absolute path, file:///path, and nothing else")
	}
	content, err := readKey(u.Path)
	if err != nil {
		return nil, err
	}
	return &key{keeper: localsecrets.NewKeeper(content), mark: fileMark(content), local: true}, nil
}

// readKey refuses a file of ours that others may use, as ssh does with private keys. As with ssh, a file of another
// owner is that owner's affair: so a Kubernetes secret, root's and opened to the pod's fsGroup, is taken.
func readKey(path string) (key [keyLength]byte, err error) {
	// O_NONBLOCK: a named pipe must not hold up the start.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return key, malformedFault(err, "names a file that cannot be read; %s", howToMake)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return key, malformedFault(err, "names a file that cannot be read; %s", howToMake)
	}
	if !info.Mode().IsRegular() {
		return key, malformedFault(nil, "names %s, which is not a file; %s", path, howToMake)
	}
	mode := info.Mode().Perm()
	if status, ok := info.Sys().(*syscall.Stat_t); ok && int(status.Uid) == os.Getuid() && mode&0o077 != 0 {
		return key, malformedFault(nil, "names %s, which others may use (mode %04o): run `chmod 600 %s`, and make a new key "+
			"if somebody may have read it", path, mode, path)
	}
	content, err := io.ReadAll(io.LimitReader(file, fileLimit))
	if err != nil {
		return key, malformedFault(err, "names a file that cannot be read; %s", howToMake)
	}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		return key, malformedFault(nil, "names %s, which is empty; %s", path, howToMake)
	}
	decoded, err := base64.StdEncoding.DecodeString(string(content))
	if err != nil {
		return key, malformedFault(nil, "names %s, which is not base64; %s", path, howToMake)
	}
	if len(decoded) != keyLength {
		return key, malformedFault(nil, "names %s, which holds %d octets instead of %d; %s", path, len(decoded),
			keyLength,
			howToMake)
	}
	return [keyLength]byte(decoded), nil
}
