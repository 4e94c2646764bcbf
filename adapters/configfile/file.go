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
	"everleaf/domain"
)

// Lookup finds a variable, as os.LookupEnv does.
type Lookup func(name string) (value string, found bool)

// File is a configuration file whose shape is right and whose variables are not resolved yet.
type File struct {
	path    string
	content []byte // as JSON
}

// document is the file's content. Fields are only added. Here and in the types below it, a field without omitempty is
// required, and the comments are the reference's: see Shape.
type document struct {
	Issuers []issuer           `json:"issuers,omitempty"`
	Targets []delivery.Config  `json:"targets,omitempty"`
	DNS     []dns01.ZoneConfig `json:"dns,omitempty"`
}

// Read reads the file and refuses what is not YAML, holds a field that does not exist or has the wrong kind of value.
// Faults, here and below: Operator "InvalidSetting", which names file, field and fix and shows no value that may be
// secret.
func Read(path string) (*File, error) {
	f := &File{path: path}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, f.settingFault("", "it cannot be read (%v): correct the path or its permissions", err)
	}
	if documents(string(content)) > 1 {
		return nil, f.settingFault("", "it holds several YAML documents, of which only the first would be read: make it one")
	}
	asJSON, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		return nil, f.settingFault("", "it is not YAML: %s", withoutContent(err))
	}
	var tree any
	if err := json.Unmarshal(asJSON, &tree); err != nil {
		return nil, f.settingFault("", "it is not YAML that JSON could say as well: %v", err)
	}
	if err := f.shape("", tree, reflect.TypeFor[document]()); err != nil {
		return nil, err
	}
	f.content = asJSON
	_, err = f.decode()
	return f, err
}

func (f *File) decode() (d document, err error) {
	if err := json.Unmarshal(f.content, &d); err != nil {
		// Not its text: it may hold a value.
		return d, f.settingFault("", "a number in it is out of range or has a fraction")
	}
	return d, nil
}

// Issuers resolves and checks the issuers, in the file's order. What acme.New refuses is not looked at; its faults name
// the field too.
func (f *File) Issuers(lookup Lookup) ([]acme.Config, error) {
	d, err := f.decode()
	if err != nil {
		return nil, err
	}
	issuers := d.Issuers
	if err := f.expand("issuers", reflect.ValueOf(issuers), lookup); err != nil {
		return nil, err
	}
	first := map[string]int{}
	var configs []acme.Config
	for i, issuer := range issuers {
		at := fmt.Sprintf("issuers[%d]", i)
		if err := f.unique(first, "issuers", i, issuer.Name, "specs call the CA by it"); err != nil {
			return nil, err
		}
		config, field, fix := issuer.resolve()
		if fix != "" {
			return nil, f.settingFault(at+field, "%s", fix)
		}
		config.Source = f.path + ": " + at
		configs = append(configs, config)
	}
	return configs, nil
}

// Targets resolves the delivery targets that are wanted, in the file's order, and leaves the others out: their
// variables need not be there. The names of all are checked.
func (f *File) Targets(lookup Lookup, wanted func(delivery.Config) bool) (targets []delivery.Config, err error) {
	d, err := f.decode()
	if err != nil {
		return nil, err
	}
	first := map[string]int{}
	for i, target := range d.Targets {
		at := fmt.Sprintf("targets[%d]", i)
		if wanted(target) {
			if err := f.expand(at, reflect.ValueOf(&target), lookup); err != nil {
				return nil, err
			}
			target.Source = at
			targets = append(targets, target)
		}
		if err := f.unique(first, "targets", i, target.Name, "specs call the target by it"); err != nil {
			return nil, err
		}
	}
	return targets, nil
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
	zones := d.DNS
	if err := f.expand("dns", reflect.ValueOf(zones), lookup); err != nil {
		return nil, err
	}
	return zones, nil
}

// unique refuses a name that is missing, or that an earlier entry of the list has.
func (f *File) unique(first map[string]int, list string, i int, name, what string) error {
	at := fmt.Sprintf("%s[%d].name", list, i)
	if name == "" {
		return f.settingFault(at, "it is missing: %s", what)
	}
	if earlier, taken := first[name]; taken {
		return f.settingFault(at, "%q is the name of %s[%d] already: give each its own name", name, list, earlier)
	}
	first[name] = i
	return nil
}

// settingFault is the fault of one field; at is empty for the file as a whole.
func (f *File) settingFault(at, format string, args ...any) error {
	if at != "" {
		at = ", " + at
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
		"--config (EVERLEAF_CONFIG) %q%s cannot work: %s",
		f.path, at, fmt.Sprintf(format, args...))
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
