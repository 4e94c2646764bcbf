package ports

import "encoding/json"

// searchNamesLimit is how many bytes of names are made searchable. Temporal takes 2048 of one attribute unless it is told
// otherwise, and a workflow task that writes more fails for good.
const searchNamesLimit = 1800

// SearchableNames is the value of SearchNames for these names: as many of them, from the first on, as fit.
func SearchableNames(names []string) []string {
	size := len("[]")
	for i, name := range names {
		encoded, err := json.Marshal(name)
		size += len(encoded) + len(",")
		if err != nil || size > searchNamesLimit {
			return names[:i:i]
		}
	}
	return names
}
