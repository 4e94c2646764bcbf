package program

const (
	// keptBytes is how much of what a program says is kept, shownLines and shownBytes how much of that is shown.
	keptBytes  = 8 << 10
	shownLines = 5
	shownBytes = 1 << 10
	// leastSecret is the length of the shortest value that is left out of what is shown.
	leastSecret = 6
)

// tail keeps the last bytes that are written to it.
type tail struct{ kept []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > keptBytes {
		p = p[len(p)-keptBytes:]
	}
	if over := len(t.kept) + len(p) - keptBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	t.kept = append(t.kept, p...)
	return n, nil
}
