// Package migrations holds the numbered SQL that makes the schema, embedded so that no external tool is needed.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// FS holds the files: goose's format, named <version>_<what>.sql.
//
//go:embed *.sql
var FS embed.FS

// Version is the schema version that this binary works with: the highest number among the files.
func Version() int64 {
	files, err := fs.Glob(FS, "*.sql")
	if err != nil {
		panic(fmt.Sprintf("list embedded migrations: %v", err))
	}
	var highest int64
	for _, file := range files {
		number, _, _ := strings.Cut(file, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			// Only a build with a misnamed file gets here, and its first test or start says so.
			panic(fmt.Sprintf("migration %s: the name must start with its number", file))
		}
		highest = max(highest, version)
	}
	return highest
}
