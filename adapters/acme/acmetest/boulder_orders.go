package acmetest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// boulderOrder is an order as it was last shown.
type boulderOrder struct {
	asked    string // account, profile and names
	replaces string
	url      string
	body     []byte
	forgot   []string // paths that are not found any more
	order    struct {
		Status         string
		Authorizations []string
		Finalize       string
	}
}

// newOrder answers in Pebble's place if Boulder would not make a new order; the lock is held.
func (b *Boulder) newOrder(r *http.Request) http.HandlerFunc {
	asked, replaces := readOrder(r)
	if replaces != "" && slices.ContainsFunc(b.orders, func(o *boulderOrder) bool {
		return o.replaces == replaces && len(o.forgot) == 0 && o.order.Status != "invalid"
	}) {
		return Problem(http.StatusConflict, "alreadyReplaced", "the certificate has a replacement order")
	}
	if b.late > 0 && (replaces == "" || !b.inWindow(replaces)) {
		return Problem(http.StatusTooManyRequests, "rateLimited", "too many certificates for this name",
			"Retry-After", strconv.Itoa(int(b.late.Seconds())))
	}
	for _, o := range b.orders {
		inFlight := o.order.Status == "pending" || o.order.Status == "ready"
		if o.asked == asked && inFlight && len(o.forgot) == 0 {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json; charset=utf-8")
				w.Header().Set("Location", o.url)
				w.WriteHeader(http.StatusCreated)
				_, _ = w.Write(o.body)
			}
		}
	}
	return nil
}

// inWindow reports whether it is now in the window that Pebble suggests for the certificate with this ARI ID.
func (b *Boulder) inWindow(id string) bool {
	var directory struct{ RenewalInfo string }
	var info struct {
		SuggestedWindow struct{ Start, End time.Time }
	}
	b.read(b.pebble.Directory, &directory)
	b.read(directory.RenewalInfo+"/"+id, &info)
	now := time.Now()
	return now.After(info.SuggestedWindow.Start) && now.Before(info.SuggestedWindow.End)
}

func (b *Boulder) read(url string, into any) {
	response, err := b.pebble.Client.Get(url)
	if err != nil {
		return
	}
	defer response.Body.Close() //nolint:errcheck // read-only
	_ = json.NewDecoder(response.Body).Decode(into)
}

// note remembers orders as Pebble shows them.
func (b *Boulder) note(response *http.Response) error {
	path := response.Request.URL.Path
	created := path == PathNewOrder && response.StatusCode == http.StatusCreated
	if !created && !strings.HasPrefix(path, PathOrder) && !strings.HasPrefix(path, PathFinalize) {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if response.StatusCode >= http.StatusBadRequest {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if created {
		o := &boulderOrder{url: response.Header.Get("Location")}
		o.asked, o.replaces = readOrder(response.Request)
		b.orders = append(b.orders, o)
	}
	var shown struct{ Finalize string }
	if err := json.Unmarshal(body, &shown); err != nil {
		return nil
	}
	for i, o := range b.orders {
		if created && i == len(b.orders)-1 || shown.Finalize != "" && o.order.Finalize == shown.Finalize {
			o.body = body
			_ = json.Unmarshal(body, &o.order)
		}
	}
	return nil
}

// readOrder takes apart what newOrder was asked for.
func readOrder(r *http.Request) (asked, replaces string) {
	var protected struct{ KID string }
	var payload struct {
		Identifiers []struct{ Type, Value string }
		Profile     string
		Replaces    string
	}
	_ = json.Unmarshal(part(r, "protected"), &protected)
	_ = json.Unmarshal(part(r, "payload"), &payload)
	names := []string{protected.KID, payload.Profile}
	for _, identifier := range payload.Identifiers {
		names = append(names, identifier.Type+":"+strings.ToLower(identifier.Value))
	}
	slices.Sort(names[2:])
	return strings.Join(names, " "), payload.Replaces
}

// Payload is what a signed request says (RFC 7515).
func Payload(r *http.Request) []byte { return part(r, "payload") }

// part reads one part of a signed request, and leaves the body to be read again.
func part(r *http.Request, name string) []byte {
	get := r.GetBody
	if get == nil {
		body, _ := io.ReadAll(r.Body)
		get = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.GetBody = get
		r.Body, _ = get()
	}
	body, _ := get()
	var signed map[string]string
	_ = json.NewDecoder(body).Decode(&signed)
	decoded, _ := base64.RawURLEncoding.DecodeString(signed[name])
	return decoded
}

func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Path
}
