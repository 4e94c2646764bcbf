package specfile

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestSpecSurvivesWritingAndReading(t *testing.T) {
	t.Parallel()
	for _, spec := range []domain.Spec{
		{Names: []string{"b.example.com", "*.a.example.com"}},
		{Names: []string{"yes.example.com"}, KeyType: domain.KeyRSA2048, Profile: "on", Issuers: []string{"one", "1"},
			Challenge:   domain.ChallengeDNS01,
			KeyRotation: domain.RotateNever, Tenant: "true # not a comment", Deliveries: []string{"disk@edge", "null"},
			Fleet: "2027"},
	} {
		for _, one := range []One{{Spec: spec}, {Spec: spec, ExpectedGeneration: new(int64(7))}} {
			text, err := WriteSpec(one)
			require.NoError(t, err)
			require.Regexp(t, `^names:\n`, string(text))
			read, err := ReadSpec("f", text)
			require.NoError(t, err, string(text))
			require.Equal(t, one, read)
			asJSON, err := json.Marshal(one)
			require.NoError(t, err)
			read, err = ReadSpec("f", asJSON)
			require.NoError(t, err)
			require.Equal(t, one, read)
		}
	}
}

func TestGenerationOfASpec(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"7.5":  "f:2: the number 7.5 stands where a whole number belongs",
		`"7"`:  "f:2: text stands where a whole number belongs",
		"null": "f:2: nothing stands where a value belongs",
		"[7]":  "f:2: a list stands where a whole number belongs",
	} {
		_, err := ReadSpec("f", []byte("names: [a.example.com]\nexpectedGeneration: "+text+"\n"))
		require.ErrorContains(t, err, says, text)
	}
	_, err := ReadSpec("f", []byte("names: [a.example.com]\nexpectedGenration: 7\n"))
	require.ErrorContains(t, err, `f:2: there is no field "expectedGenration"; there are challenge, deliveries, expectedGeneration, fleet, `)
	require.ErrorContains(t, err, `did you mean "expectedGeneration"?`)
}

func TestFleetFillsInDefaults(t *testing.T) {
	t.Parallel()
	fleet, err := ReadFleet("fleet.yaml", []byte(`
fleet: edge
defaults:
  issuers: [main, spare]
  deliveries: [nginx]
certificates:
  shop.example.com: {}
  blog.example.com:
  shop:
    names: [www.example.com, example.com]
    deliveries: []
    issuers: [other]
`))
	require.NoError(t, err)
	spec := func(issuers, deliveries []string, names ...string) domain.Spec {
		return domain.Spec{Names: names, Issuers: issuers, Deliveries: deliveries, Fleet: "edge"}.WithDefaults()
	}
	both, nginx := []string{"main", "spare"}, []string{"nginx"}
	require.Equal(t, Fleet{Name: "edge", Specs: map[string]domain.Spec{
		"shop.example.com": spec(both, nginx, "shop.example.com"),
		"blog.example.com": spec(both, nginx, "blog.example.com"),
		"shop":             spec([]string{"other"}, []string{}, "www.example.com", "example.com"),
	}}, fleet)
}

func TestMistakesNameTheirLine(t *testing.T) {
	t.Parallel()
	const head = "certificates:\n  a.example.com:\n"
	for text, says := range map[string]string{
		"":                                    "f: it is empty",
		"a: [":                                "f: it is not YAML: ",
		"---\na: 1\n---\nb: 2":                "f: it holds several YAML documents",
		"fleet: edge":                         "f: it lists no certificates",
		"certificates: {}":                    "f: it lists no certificates",
		"certficates: {}":                     `f:1: there is no field "certficates"; there are certificates, defaults, fleet`,
		head + "    deliver: [a]":             `f:3: there is no field "deliver"; there are challenge, deliveries, fleet, issuers, keyRotation, keyType, names,`,
		"defaults:\n  nams: [a]\n" + head:     `f:2: there is no field "nams"`,
		head + "    expectedGeneration: 7":    `f:3: there is no field "expectedGeneration"; there are challenge, deliveries, fleet, issuers, keyRotation, keyType, names, profile, tenant; a fleet replaces whatever there is: leave it out`,
		head + "    names: a.example.com":     "f:3: text stands where a list belongs",
		head + "    names:\n      - 1":        "f:4: the number 1 stands where text belongs; put it in quotes",
		head + "    tenant: true":             "f:3: the truth value true stands where text belongs",
		head + "    tenant: [a]":              "f:3: a list stands where text belongs",
		"certificates: [a]":                   "f:1: a list stands where fields belong",
		head + "  a.example.com: {}":          `f:3: "a.example.com" is on line 2 already`,
		head + "    deliveries:":              "f:3: nothing stands where a value belongs: leave the field out, or write []",
		head + "    keyType: dsa":             `f:2: certificate "a.example.com": keyType "dsa": unknown`,
		head + "    <<: {tenant: a}":          "f:3: a field's name is text",
		head + "    fleet: other":             `f:2: certificate "a.example.com": its fleet is the file's`,
		"certificates:\n  A.example.com: {}":  `f:2: certificate "A.example.com": name "A.example.com": upper case`,
		"certificates:\n  shop: {}":           `f:2: certificate "shop": names[0] "shop"`,
		"fleet: No Name\n" + head:             `f:3: certificate "a.example.com": fleet "No Name"`,
		head + "    names: ['*.example.com']": `f:2: certificate "a.example.com": names[0] "*.example.com": a wildcard`,
	} {
		_, err := ReadFleet("f", []byte(text))
		require.Error(t, err, text)
		require.Contains(t, err.Error(), says, text)
		require.Equal(t, domain.ReasonSpecFile, domain.AsFault(err).Reason)
	}
}

// Aliases are followed, and refused where they would make a file endless.
func TestAnchors(t *testing.T) {
	t.Parallel()
	fleet, err := ReadFleet("f", []byte("defaults: {deliveries: &d [nginx]}\ncertificates:\n  a.example.com: {deliveries: *d}\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"nginx"}, fleet.Specs["a.example.com"].Deliveries)
	_, err = ReadFleet("f", []byte("certificates: &c\n  a.example.com: {names: [*c]}\n"))
	require.Error(t, err)
}
