package lifecycle

// searchableLimit is how many bytes of names are made searchable, as JSON. Temporal takes 2048 of one attribute unless
// it is configured otherwise; it refuses a start with more, and fails a workflow's task with more for good.
const searchableLimit = 1800

// SearchableNames is the value of the search attribute for these names: as many of them, from the first on, as fit. It
// is pure, and safe in a workflow.
func SearchableNames(names []string) []string {
	size := len("[]")
	for i, name := range names {
		size += len(`"",`)
		for _, c := range []byte(name) {
			if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
				size += len(`\u003c`) // at most
			} else {
				size++
			}
		}
		if size > searchableLimit {
			return names[:i:i]
		}
	}
	return names
}
