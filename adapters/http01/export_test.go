package http01

import "strconv"

// RedirectTo lets redirects go to a port that a test has in place of 443.
func (s *Solver) RedirectTo(port int) {
	followed := redirects{ports: []string{"80", strconv.Itoa(s.port), strconv.Itoa(port)}}
	s.client.CheckRedirect = followed.check
}
