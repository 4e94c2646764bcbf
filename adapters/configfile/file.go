package configfile

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"everleaf/adapters/acme"
	"everleaf/adapters/delivery"
	"everleaf/adapters/dns01"
)

// Lookup finds a variable; an empty one is not set. The error says why it cannot be read, and shows no value.
type Lookup func(name string) (value string, err error)

// File is a configuration file whose shape is right and whose variables are not resolved yet.
type File struct {
	path    string
	content []byte // as JSON
	lines   map[string]int
}

// document is the file's content. Fields are only added. Here and in the types below it, a field without omitempty is
// required, and the comments are the reference's: see Shape.
type document struct {
	Issuers []issuer           `json:"issuers,omitempty"`
	Targets []delivery.Config  `json:"targets,omitempty"`
	DNS     []dns01.ZoneConfig `json:"dns,omitempty"`
}

// Read reads the file and refuses what is not YAML, holds a field that does not exist or has the wrong kind of value.
// The file that comes with such fields is without them, so that the rest can be checked. Errors, here and below, are
// Problems, of which each names file, field and fix and shows no value that may be secret.
func Read(path string) (*File, error) {
	f := &File{path: path}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, f.only("it cannot be read (%v): correct the path or its permissions", err)
	}
	if documents(string(content)) > 1 {
		return nil, f.only("it holds several YAML documents, of which only the first would be read: make it one")
	}
	asJSON, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		return nil, f.only("it is not YAML: %s", withoutContent(err))
	}
	f.lines = linesOf(content)
	var tree any
	if err := json.Unmarshal(asJSON, &tree); err != nil {
		return nil, f.only("it is not YAML that JSON could say as well: %v", err)
	}
	found := f.finding()
	tree = found.shape("", tree, reflect.TypeFor[document]())
	if f.content, err = json.Marshal(tree); err != nil {
		return nil, f.only("it is not YAML that JSON could say as well: %v", err)
	}
	if _, err := f.decode(); err != nil {
		return nil, err
	}
	return f, found.err()
}

func (f *File) decode() (d document, err error) {
	if err := json.Unmarshal(f.content, &d); err != nil {
		// Not its text: it may hold a value.
		return d, f.only("a number in it is out of range or has a fraction")
	}
	return d, nil
}

// Issuers resolves and checks the issuers, in the file's order. Those with problems are among them, here and below:
// what could be read of them, so that the rest can be checked. What acme.New refuses is not looked at; its faults name
// the field too.
func (f *File) Issuers(lookup Lookup) ([]acme.Config, error) {
	d, err := f.decode()
	if err != nil {
		return nil, err
	}
	first := map[string]int{}
	var configs []acme.Config
	found := f.finding()
	for i, issuer := range d.Issuers {
		at := fmt.Sprintf("issuers[%d]", i)
		found.expand(at, reflect.ValueOf(&issuer), lookup)
		found.unique(first, "issuers", i, issuer.Name, "specs call the CA by it")
		config := issuer.resolve(func(field, fix string) { found.add(at+field, "%s", fix) })
		config.Source = f.path + ": " + at
		configs = append(configs, config)
	}
	return configs, found.err()
}

// Targets resolves the delivery targets that are wanted, in the file's order, and leaves the others out: their
// variables need not be there. The names of all are checked.
func (f *File) Targets(lookup Lookup, wanted func(delivery.Config) bool) (targets []delivery.Config, err error) {
	d, err := f.decode()
	if err != nil {
		return nil, err
	}
	first := map[string]int{}
	found := f.finding()
	for i, target := range d.Targets {
		at := fmt.Sprintf("targets[%d]", i)
		needed := wanted(target)
		if needed {
			found.expand(at, reflect.ValueOf(&target), lookup)
		}
		found.unique(first, "targets", i, target.Name, "specs call the target by it")
		if needed {
			target.Source = at
			targets = append(targets, target)
		}
	}
	return targets, found.err()
}

// TargetNames are the names of all targets as they are written.
func (f *File) TargetNames() (names []string) {
	d, _ := f.decode() // Read has done it
	for _, target := range d.Targets {
		names = append(names, target.Name)
	}
	return names
}

// Zones resolves the DNS zones that challenges may be written into, in the file's order. What dns01.Check refuses is
// not looked at.
func (f *File) Zones(lookup Lookup) ([]dns01.ZoneConfig, error) {
	d, err := f.decode()
	if err != nil {
		return nil, err
	}
	var zones []dns01.ZoneConfig
	found := f.finding()
	for i, zone := range d.DNS {
		found.expand(fmt.Sprintf("dns[%d]", i), reflect.ValueOf(&zone), lookup)
		zones = append(zones, zone)
	}
	return zones, found.err()
}

var (
	separator = regexp.MustCompile(`(?m)^---([ \t]|$)`)
	quoted    = regexp.MustCompile("['`\"][^'`\"]{2,}['`\"]")
)

// documents counts the YAML documents that hold more than comments.
func documents(text string) (count int) {
	for _, part := range separator.Split(text, -1) {
		for line := range strings.Lines(part) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				count++
				break
			}
		}
	}
	return count
}

// withoutContent is what the parser says, without what it quotes from the file, which may be a secret.
func withoutContent(err error) string {
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	return quoted.ReplaceAllString(strings.Join(strings.Fields(said), " "), "…")
}
