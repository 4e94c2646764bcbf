package acme

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

const (
	// directoryLife is how long a directory is taken as current: a profile that the CA adds is seen within it.
	directoryLife = time.Hour
	// directoryRetry is how soon a failed refresh is tried again while the old directory still serves.
	directoryRetry = 5 * time.Minute

	readDirectory = "read the directory"
)

// errMalformed: the CA answered with something that is not what RFC 8555 says.
var errMalformed = errors.New("malformed answer")

// knownDirectory is the CA's directory with the client that was made from it.
type knownDirectory struct {
	acme.Directory
	client *acme.Client
	until  time.Time
	// digest shows whether a newer directory is the same.
	digest string
}

// directory returns the CA's directory, fetched at most once an hour. A refresh that fails leaves the old one in use.
func (ca *CA) directory(ctx context.Context) (*knownDirectory, error) {
	if known := ca.currentDirectory(); known != nil && time.Now().Before(known.until) {
		return known, nil
	}
	known, err := ca.shared(ctx, "directory",
		func(ctx context.Context) (any, error) { return ca.refreshDirectory(ctx) })
	if err != nil {
		return nil, err
	}
	return known.(*knownDirectory), nil
}

func (ca *CA) currentDirectory() *knownDirectory {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return ca.known
}

func (ca *CA) refreshDirectory(ctx context.Context) (*knownDirectory, error) {
	old := ca.currentDirectory()
	tracked, x := track(ctx)
	defer x.done()
	var fresh acme.Directory
	err := ca.get(tracked, x, ca.config.Directory, &fresh)
	if err == nil && (fresh.NewNonce == "" || fresh.NewAccount == "" || fresh.NewOrder == "") {
		err = fmt.Errorf("%w: a directory without newNonce, newAccount or newOrder", errMalformed)
	}
	if err != nil {
		// ctx is nobody's but ours here (see shared), so its end is the CA's slowness.
		fault := ca.interpret(context.WithoutCancel(ctx), readDirectory, err, x)
		if old == nil {
			return nil, fault
		}
		ca.logger.WarnContext(ctx, "directory not refreshed; the old one stays in use", "error", fault)
		return ca.keepDirectory(old, directoryRetry), nil
	}
	known, err := ca.know(fresh)
	if err != nil {
		return nil, err
	}
	if old != nil && old.digest == known.digest {
		// The client holds unused nonces: keep it.
		known = old
	}
	return ca.keepDirectory(known, directoryLife), nil
}

func (ca *CA) keepDirectory(known *knownDirectory, life time.Duration) *knownDirectory {
	kept := *known
	kept.until = time.Now().Add(life)
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.known = &kept
	return &kept
}

// know makes a client that gets this directory from memory. acmez keeps directories in a process-wide map for 12 h,
// keyed by URL and fetched under a process-wide lock: a slow CA would hold up all others, and a changed directory
// would be seen only after a restart. So its client asks for a URL whose fragment is the content's digest, and
// transport answers at once.
func (ca *CA) know(directory acme.Directory) (*knownDirectory, error) {
	shown := directory
	// Without renewalInfo in it, GetCertificateChain does not ask for renewal information (with retries that sleep)
	// on every download; renewal.go asks on its own.
	shown.RenewalInfo = ""
	body, err := json.Marshal(shown)
	if err != nil {
		return nil, fmt.Errorf("encode directory: %w", err)
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	return &knownDirectory{
		Directory: directory,
		digest:    digest + directory.RenewalInfo,
		client: &acme.Client{
			Directory:  ca.config.Directory + "#" + digest,
			HTTPClient: client(&transport{next: ca.wire.next, directory: body}),
			UserAgent:  userAgent,
			// Negative: FinalizeOrder then never polls. Its Logger stays nil: it would log nonces.
			PollTimeout: -1,
		},
	}, nil
}

// client follows redirects on the CA's own host alone: a CA names URLs in its answers, and no other host need do so.
func client(network http.RoundTripper) *http.Client {
	return &http.Client{Transport: network, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		first := via[0].URL
		if len(via) > maxRedirects || next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// maxRedirects bounds those of one request.
const maxRedirects = 10

// get fetches JSON without authentication.
func (ca *CA) get(ctx context.Context, x *exchange, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	request.Header.Set("User-Agent", userAgent)
	response, err := client(ca.wire).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read-only
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		if problem := x.lastProblem(); problem != nil {
			return *problem
		}
		return fmt.Errorf("HTTP %d", response.StatusCode)
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	return nil
}
