package dns01test

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Add adds records, each as in a zone file with full names: "www.example.test. 60 CNAME www.acme.test.".
func (s *Server) Add(records ...string) {
	s.t.Helper()
	s.change((*dns.Msg).Insert, records)
}

// Remove removes these records and no others.
func (s *Server) Remove(records ...string) {
	s.t.Helper()
	s.change((*dns.Msg).Remove, records)
}

func (s *Server) change(section func(*dns.Msg, []dns.RR), records []string) {
	s.t.Helper()
	for _, record := range records {
		rr, err := dns.NewRR(record)
		must(s.t, err)
		message := new(dns.Msg).SetUpdate(dns.Fqdn(s.zoneOf(rr.Header().Name)))
		section(message, []dns.RR{rr})
		client := &dns.Client{Net: "tcp", TsigSecret: map[string]string{admin + ".": s.secret}}
		answer, _, err := client.Exchange(s.signed(message), s.Addr)
		must(s.t, err)
		if answer.Rcode != dns.RcodeSuccess {
			s.t.Fatalf("%s: %s\n%s", record, dns.RcodeToString[answer.Rcode], s.Log())
		}
	}
}

// TXT is the texts that the server has under the name, sorted.
func (s *Server) TXT(name string) []string {
	s.t.Helper()
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT)
	answer, _, err := (&dns.Client{Net: "tcp"}).Exchange(question, s.Addr) // all fit
	must(s.t, err)
	var texts []string
	for _, record := range answer.Answer {
		if text, ok := record.(*dns.TXT); ok && strings.EqualFold(text.Hdr.Name, dns.Fqdn(name)) {
			texts = append(texts, strings.Join(text.Txt, ""))
		}
	}
	slices.Sort(texts)
	return texts
}

// zoneOf is the longest of the server's zones that holds the name.
func (s *Server) zoneOf(name string) (longest string) {
	s.t.Helper()
	for _, zone := range s.zones {
		if dns.IsSubDomain(dns.Fqdn(zone), name) && len(zone) > len(longest) {
			longest = zone
		}
	}
	if longest == "" {
		s.t.Fatalf("%s is in none of the zones %v", name, s.zones)
	}
	return longest
}
