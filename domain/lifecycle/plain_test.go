package lifecycle

import (
	"hash/maphash"
	"reflect"
	"slices"
	"strconv"
	"time"

	"everleaf/domain"
)

// deep copies plain data: no pointer is shared with v.
func deep[T any](v T) T {
	unshare(reflect.ValueOf(&v).Elem())
	return v
}

// unshare replaces what v points to by copies.
func unshare(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out := reflect.New(v.Type().Elem())
			out.Elem().Set(v.Elem())
			unshare(out.Elem())
			v.Set(out)
		}
	case reflect.Slice:
		if !v.IsNil() {
			out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(out, v)
			for i := 0; i < out.Len() && shares(v.Type().Elem()); i++ {
				unshare(out.Index(i))
			}
			v.Set(out)
		}
	case reflect.Struct:
		for _, i := range shapeOf(v.Type()).shared {
			unshare(v.Field(i))
		}
	}
}

// shape is what there is to know of a struct's type, looked up once.
type shape struct {
	shared []int // exported fields that point to something
	fields []field
}

type field struct {
	index int
	name  string
}

var shapes = map[reflect.Type]*shape{}

func shapeOf(t reflect.Type) *shape {
	if s := shapes[t]; s != nil {
		return s
	}
	s := &shape{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		s.fields = append(s.fields, field{i, f.Name})
		if shares(f.Type) {
			s.shared = append(s.shared, i)
		}
	}
	shapes[t] = s
	return s
}

// shares reports whether a copy of such a value shares something with the original that may change.
func shares(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer:
		return !slices.Contains(constant, t.Elem())
	case reflect.Slice:
		return true
	case reflect.Struct:
		return !slices.Contains(constant, t) && len(shapeOf(t).shared) > 0
	default:
		return false
	}
}

var (
	timeType = reflect.TypeFor[time.Time]()
	// constant are values that are replaced and never changed, as TestConstants shows: copies may share them.
	constant = []reflect.Type{timeType, reflect.TypeFor[domain.Spec](), reflect.TypeFor[domain.Issued](),
		reflect.TypeFor[domain.Failure](),
		reflect.TypeFor[domain.Fault](), reflect.TypeFor[domain.RenewalPlan](), reflect.TypeFor[Action]()}
)

// canon writes plain data so that states which differ by names and clocks alone are one: instants count by how far away
// they are, versions and requests by their distance to the newest, and counters by their distance to the machine's.
type canon struct {
	out                                          []byte
	now                                          time.Time
	versions, requests, reads, signalled, failed int
}

func (c *canon) write(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			c.out = append(c.out, '-')
			return
		}
		c.write(v.Elem())
	case reflect.Slice:
		c.out = append(c.out, '[')
		for i := range v.Len() {
			c.write(v.Index(i))
		}
		c.out = append(c.out, ']')
	case reflect.Struct:
		if v.Type() == timeType {
			c.instant(v.Interface().(time.Time))
			return
		}
		c.out = append(c.out, '{')
		for _, f := range shapeOf(v.Type()).fields {
			c.out = append(c.out, ',')
			switch f.name {
			case "Reads":
				c.number(int(v.Field(f.index).Int()) - c.reads)
			case "Failures":
				c.number(int(v.Field(f.index).Int()) - c.failed)
			case "Stored", "Signalled", "Seen", "Heard":
				c.number(int(v.Field(f.index).Int()) - c.signalled)
			// Little depends on them.
			case "Cycle", "Visible", "Next", "Asked", "Now", "Attempts", "RetryAfterCount", "Message":
			default:
				if !v.Field(f.index).IsZero() {
					c.write(v.Field(f.index))
				}
			}
		}
		c.out = append(c.out, '}')
	case reflect.String:
		c.text(v.String())
	case reflect.Int, reflect.Int64:
		c.number(int(v.Int()))
	case reflect.Bool:
		c.out = strconv.AppendBool(c.out, v.Bool())
	case reflect.Float64:
		c.out = strconv.AppendFloat(c.out, v.Float(), 'g', -1, 64)
	default:
		panic("not plain: " + v.Type().String())
	}
}

func (c *canon) number(n int) { c.out = strconv.AppendInt(c.out, int64(n), 10) }

// horizons part the instants to come: only their order and rough distance count.
var horizons = []time.Duration{0, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 25 * time.Hour}

func (c *canon) instant(t time.Time) {
	if t.IsZero() {
		c.out = append(c.out, 'z')
		return
	}
	n := 0
	for n < len(horizons) && t.Sub(c.now) > horizons[n] {
		n++
	}
	c.out = append(c.out, 't', byte('0'+n))
}

func (c *canon) text(s string) {
	c.out = append(c.out, '"')
	if len(s) > 1 && (s[0] == 'v' || s[0] == 'r') {
		if n, err := strconv.Atoi(s[1:]); err == nil {
			newest := c.versions
			if s[0] == 'r' {
				newest = c.requests
			}
			c.out = append(c.out, s[0])
			c.number(n - newest)
			return
		}
	}
	c.out = append(c.out, s...)
}

var hashSeed = maphash.MakeSeed()

// key is the world's state in 64 bits.
func (w *world) key() uint64 {
	c := canon{out: make([]byte, 0, 2048), now: w.Now, versions: w.Next, requests: w.Asked, signalled: w.Signalled}
	if w.Machine != nil {
		c.reads, c.failed = w.Machine.Reads, w.Machine.Failures
	}
	c.write(reflect.ValueOf(&w.plain).Elem())
	return maphash.Bytes(hashSeed, c.out)
}

// machineKey is the machine's state in 64 bits.
func (w *world) machineKey() uint64 {
	c := canon{out: make([]byte, 0, 1024), now: w.Now, versions: w.Next, requests: w.Asked, reads: w.Machine.Reads,
		failed: w.Machine.Failures}
	c.write(reflect.ValueOf(w.Machine))
	return maphash.Bytes(hashSeed, c.out)
}
