package e2e

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// exported is an image as it would be pushed: its configuration and the files of its layers.
type exported struct {
	config  []byte
	headers map[string]*tar.Header
	content map[string][]byte
}

// export has podman write the image down, and reads that.
func (c *containers) export() exported {
	c.t.Helper()
	file := filepath.Join(c.dir, "image.tar")
	c.must("", []string{"save", "--quiet", "--format", "docker-archive", "--output", file, c.image})
	archive, err := os.ReadFile(file)
	require.NoError(c.t, err)
	_, parts := readTar(c.t, archive)
	var manifest []struct {
		Config string
		Layers []string
	}
	require.NoError(c.t, json.Unmarshal(parts["manifest.json"], &manifest))
	e := exported{config: parts[manifest[0].Config], headers: map[string]*tar.Header{}, content: map[string][]byte{}}
	for _, layer := range manifest[0].Layers {
		headers, content := readTar(c.t, parts[layer])
		for name, header := range headers {
			e.headers[name], e.content[name] = header, content[name]
		}
	}
	return e
}

// files are all entries that are not plain directories, with their permissions.
func (e exported) files() (list []string) {
	for name, header := range e.headers {
		if header.Typeflag != tar.TypeDir {
			list = append(list, fmt.Sprintf("%s %04o", name, header.Mode&0o7777))
		}
	}
	slices.Sort(list)
	return list
}

// requireRoots parses the bundle, certificate by certificate; among them must be this one.
func (e exported) requireRoots(t testing.TB, want []byte) {
	t.Helper()
	wanted, _ := pem.Decode(want)
	n, found := 0, false
	for rest := e.content["etc/ssl/certs/ca-certificates.crt"]; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			require.Empty(t, bytes.TrimSpace(rest), "something that is no PEM")
			break
		}
		_, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err, "certificate %d of the bundle", n)
		found = found || bytes.Equal(block.Bytes, wanted.Bytes)
	}
	require.True(t, found, "CA_BUNDLE is the image's bundle")
	require.Greater(t, n, 50, "the public roots are there")
}

// requireStatic makes sure that the program needs no loader and no library.
func (e exported) requireStatic(t testing.TB, name string) {
	t.Helper()
	program, err := elf.NewFile(bytes.NewReader(e.content[name]))
	require.NoError(t, err)
	libraries, err := program.ImportedLibraries()
	require.NoError(t, err)
	require.Empty(t, libraries)
	for _, segment := range program.Progs {
		require.NotEqual(t, elf.PT_INTERP, segment.Type)
	}
}

func readTar(t testing.TB, archive []byte) (map[string]*tar.Header, map[string][]byte) {
	t.Helper()
	headers, content := map[string]*tar.Header{}, map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, content
		}
		require.NoError(t, err)
		name := path.Clean(header.Name)
		headers[name] = header
		content[name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}
