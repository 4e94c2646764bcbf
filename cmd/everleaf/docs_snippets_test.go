package main

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"everleaf/app"
	"everleaf/cmd/everleaf/docstest"
)

// snippets are the blocks in a language.
func snippets(t *testing.T, language string) (all []docstest.Page) {
	t.Helper()
	for _, p := range pages(t) {
		p.Blocks = slices.DeleteFunc(p.Blocks, func(b docstest.Block) bool { return b.Kind != language })
		if len(p.Blocks) > 0 {
			all = append(all, p)
		}
	}
	require.NotEmpty(t, all, language)
	return all
}

// secrets are values for the variables in the pages' configuration files, of the form that each needs.
func secrets(name string) (string, error) {
	const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	if name == "PORTAL_SECRET" {
		return "whsec_" + key, nil
	}
	return key, nil
}

// A snippet that is a configuration file, or a part of one, satisfies the schema, and the worker takes it.
func TestConfigurationFilesWork(t *testing.T) {
	schema, err := fileSchema(t).Resolve(&jsonschema.ResolveOptions{})
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, p := range snippets(t, "yaml") {
		for _, b := range p.Blocks {
			var tree map[string]any
			if err := yaml.Unmarshal([]byte(b.Text), &tree); err != nil || !isConfiguration(tree) {
				continue
			}
			assert.NoError(t, schema.Validate(tree), "%s:\n%s", p.Path, b.Text)
			assert.NoError(t, loaded(t, tree, b.Text), "%s:\n%s", p.Path, b.Text)
			for part := range tree {
				seen[part] = true
			}
		}
	}
	require.Len(t, seen, len(fileSchema(t).Properties), "each part of the file has an example")
}

func isConfiguration(tree map[string]any) bool {
	for key := range tree {
		if key != "issuers" && key != "targets" && key != "dns" {
			return false
		}
	}
	return len(tree) > 0
}

// loaded has a worker's settings take the file. A part of one gets an issuer: without any, a worker issues nothing.
func loaded(t *testing.T, tree map[string]any, text string) error {
	t.Helper()
	if tree["issuers"] == nil {
		text += "issuers: [{name: default, preset: letsencrypt}]\n"
	}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	bundle := filepath.Join(t.TempDir(), "root.pem")
	require.NoError(t, os.WriteFile(bundle, root, 0o600))
	path := filepath.Join(t.TempDir(), "everleaf.yaml")
	text = strings.ReplaceAll(text, "/etc/ca/root.pem", bundle)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	config := app.Config{Roles: app.AllRoles()}
	config.HTTP01.CheckPort, config.HTTP01.Listen = 80, ":0"
	config.DNS01.CheckPort, config.Ops.Listen = 53, ":0"
	config.Temporal.TaskQueue, config.Sealing.KeyURL = "everleaf", "file:///sealing.key"
	if err := config.ReadFile(path, secrets); err != nil {
		return err
	}
	return config.Validate()
}
