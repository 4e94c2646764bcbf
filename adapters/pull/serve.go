package pull

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"everleaf/domain"
	"everleaf/ports"
)

// What a client may ask for.
const (
	partCombined = "combined" // chain, then key
	partChain    = "chain"
	partKey      = "key"

	typeChain = "application/pem-certificate-chain" // RFC 8555 §9.1
	typePEM   = "application/x-pem-file"
)

// tokenSyntax keeps from the database what cannot be one of our tokens: 256 bit in base64url.
var tokenSyntax = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// certificate serves what find finds for the client's targets. The key is opened only if it is asked for, and only
// after it was noted who gets it.
func (s *Server) certificate(w http.ResponseWriter, request *http.Request,
	find func(ctx context.Context, targets []string) (ports.KeyPair, error)) answer {
	client, ok := s.visit(request)
	if !ok {
		return unknownClient(w)
	}
	a := answer{client: client.name, status: http.StatusOK}
	part := request.URL.Query().Get("part")
	switch part {
	case "":
		part = partCombined
	case partCombined, partChain, partKey:
	default:
		a.status = http.StatusBadRequest
		http.Error(w, "part is one of chain, key and combined", a.status)
		return a
	}
	pair, err := find(request.Context(), client.targets)
	if err != nil {
		a.err = err
		return s.fail(w, a)
	}
	a.certificate, a.version = pair.Record.Name, pair.Record.Issued.Version
	tag := `"` + a.version + `"`
	w.Header().Set("ETag", tag)
	if matches(request.Header.Values("If-None-Match"), tag) {
		a.status = http.StatusNotModified
		w.WriteHeader(a.status)
		return a
	}
	w.Header().Set("Everleaf-Certificate", a.certificate)
	w.Header().Set("Content-Type", typePEM)
	if part == partChain {
		w.Header().Set("Content-Type", typeChain)
	}
	if request.Method == http.MethodHead {
		return a
	}
	body := bytes.Clone(pair.ChainPEM)
	if part == partKey {
		body = nil
	}
	if part != partChain {
		err := s.pulls.RecordPulled(request.Context(), a.certificate, a.version, client.name)
		if err == nil {
			body, err = s.withKey(request.Context(), body, pair.SealedPair)
		}
		if err != nil {
			w.Header().Del("ETag")
			a.err = err
			return s.fail(w, a)
		}
		defer clear(body)
	}
	_, _ = w.Write(body) // a client that left needs no answer
	return a
}

// key serves the key that a one-time token is for. The token is used up before the key is opened: a client that fails
// to get the key with it answers the webhook with an error, and gets a new one.
func (s *Server) key(w http.ResponseWriter, request *http.Request) answer {
	if request.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "only GET is answered here", http.StatusMethodNotAllowed)
		return answer{status: http.StatusMethodNotAllowed}
	}
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return noToken(w)
	}
	if !tokenSyntax.MatchString(token) {
		return voidToken(w, nil)
	}
	pair, err := s.tokens.TakeToken(request.Context(), sha256.Sum256([]byte(token)))
	if err != nil && domain.AsFault(err).Reason == domain.ReasonTokenInvalid {
		return voidToken(w, err)
	}
	var body []byte
	if err == nil {
		body, err = s.withKey(request.Context(), nil, pair.SealedPair)
	}
	if err != nil {
		return s.fail(w, answer{client: "token", certificate: pair.Record.Name, err: err})
	}
	defer clear(body)
	w.Header().Set("Content-Type", typePEM)
	_, _ = w.Write(body) // see above
	return answer{status: http.StatusOK, client: "token", certificate: pair.Record.Name,
		version: pair.Record.Issued.Version}
}

// noToken answers who sent none. Without one there is no error code (RFC 6750 §3.1).
func noToken(w http.ResponseWriter) answer {
	w.Header().Set("WWW-Authenticate", `Bearer realm="everleaf"`)
	http.Error(w, "a token is required: send it as Authorization: Bearer TOKEN", http.StatusUnauthorized)
	return answer{status: http.StatusUnauthorized, client: "token"}
}

func voidToken(w http.ResponseWriter, err error) answer {
	w.Header().Set("WWW-Authenticate", `Bearer realm="everleaf", error="invalid_token"`) // RFC 6750 §3
	http.Error(w, "the token is unknown, used or expired: answer the webhook with an error to get a new one",
		http.StatusUnauthorized)
	return answer{status: http.StatusUnauthorized, client: "token", err: err}
}

// withKey is before and the pair's opened key after it.
func (s *Server) withKey(ctx context.Context, before []byte, pair ports.SealedPair) ([]byte, error) {
	key, err := s.keys.Open(ctx, pair)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, domain.NewFault(domain.FaultWait, domain.ReasonSealingUnavailable, err,
				"the sealing key's service does not answer in time")
		}
		return nil, err
	}
	defer clear(key)
	if len(before) > 0 && before[len(before)-1] != '\n' {
		before = append(before, '\n')
	}
	return append(before, key...), nil
}

// matches reports whether a client has what tag stands for (RFC 9110 §13.1.2, weak comparison).
func matches(ifNoneMatch []string, tag string) bool {
	for _, list := range ifNoneMatch {
		for candidate := range strings.SplitSeq(list, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}
