package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The whole of `make run`, on real servers: each line of the summary's experiments is pasted into a shell, in order,
// and what it promises is looked for.
func TestBreakIt(t *testing.T) {
	t.Parallel()
	r := newRunning(t)
	r.await("Waiting for the renewal")
	r.healthy()
	r.view()

	promises := []struct {
		line  string
		check func(*running, string)
	}{
		{"break worker", (*running).workerKilled},
		{"break ca 20s", (*running).caSilent},
		{"break ca;", (*running).caKilled},
		{"break postgres", (*running).postgresAway},
		{"break temporal", (*running).temporalAway},
		{"cert ensure nowhere", (*running).nameFails},
		{"dns nowhere.fails.test", (*running).nameCorrected},
		{"cert revoke", (*running).revoked},
		{" worker --roles", (*running).secondWorker},
		{"break worker 20s", (*running).firstWorkerAway},
	}
	lines := r.experiments()
	if len(lines) != len(promises) {
		t.Fatalf("the summary has %d experiments, and %d have a check:\n%s", len(lines), len(promises),
			strings.Join(lines, "\n"))
	}
	for i, p := range promises {
		if !strings.Contains(lines[i], p.line) {
			t.Fatalf("experiment %d is %q, want the one with %q", i+1, lines[i], p.line)
		}
		begin := time.Now()
		p.check(r, lines[i])
		t.Logf("%s: %s", time.Since(begin).Round(time.Second/10), lines[i])
	}
	r.await("TLS handshake verified against Pebble's root for demo.example.test",
		"TLS handshake verified against Pebble's root for demo.example.test")
	r.stopped()
}

type issued struct{ Serial, IssuerCN string }

func (r *running) status(name string) issued {
	r.t.Helper()
	out := r.must(". .bin/stack/env; .bin/everleaf cert status " + name + " --output json")
	var s struct{ Issued issued }
	if err := json.Unmarshal([]byte(out), &s); err != nil || s.Issued.Serial == "" {
		r.t.Fatalf("status of %s: %v\n%s", name, err, out)
	}
	return s.Issued
}

// renews pastes a line after which demo has another serial.
func (r *running) renews(line string, prints ...string) (before, after issued) {
	r.t.Helper()
	before = r.status("demo")
	r.must(line, prints...)
	after = r.status("demo")
	if after.Serial == before.Serial {
		r.t.Fatalf("%s: the serial is still %s", line, after.Serial)
	}
	return before, after
}

// healthy looks whether the worker's log has no warning: nothing went wrong yet.
func (r *running) healthy() {
	logs, _ := filepath.Glob(filepath.Join(r.dir, ".bin/logs/*/worker.log"))
	if len(logs) != 1 {
		r.t.Fatalf("logs of workers: %v", logs)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		r.t.Fatal(err)
	}
	if !strings.Contains(string(b), "everleaf started") || regexp.MustCompile(`level=(WARN|ERROR)`).Match(b) {
		r.t.Errorf("the log of a worker in health:\n%s", b)
	}
}

// view follows the link of the saved view, and asks Temporal with its query.
func (r *running) view() {
	link := regexp.MustCompile(`http://\S+savedQuery=\S+`).FindString(r.said())
	resp, err := http.Get(link)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	u, err := url.Parse(link)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %v, %s", link, err, resp.Status)
	}
	out := r.must(fmt.Sprintf(". .bin/stack/env; .bin/stack/temporal workflow list --query \"%s\"",
		u.Query().Get("query")))
	if strings.Count(out, "certificate/demo") != 1 {
		r.t.Errorf("the view's query lists:\n%s", out)
	}
}

func (r *running) workerKilled(line string) {
	r.must(line, "Worker was killed")
	r.await("Worker ended (signal: killed): it is started again now", "Worker was started again and is ready")
	r.status("demo")
}

func (r *running) caSilent(line string) {
	begin := time.Now()
	r.renews(line, "answers nothing for 20s", "demo: issuing")
	if took := time.Since(begin); took < 20*time.Second {
		r.t.Errorf("renewed after %s by a CA that answers nothing", took)
	}
}

func (r *running) caKilled(line string) {
	before, after := r.renews(line, "Pebble was killed")
	if before.IssuerCN == after.IssuerCN {
		r.t.Errorf("the CA still issues as %s", after.IssuerCN)
	}
	r.await("Pebble was started again and is ready. It keeps nothing")
}

func (r *running) postgresAway(line string) {
	begin := time.Now()
	r.must(line, "started again in 5s", "demo")
	if took := time.Since(begin); took < 4*time.Second {
		r.t.Errorf("listed after %s without Postgres", took)
	}
	r.await("Postgres was started again and is ready")
}

func (r *running) temporalAway(line string) {
	r.renews(line, "started again in 5s", "Temporal does not answer")
	r.await("Temporal was started again and is ready")
}

func (r *running) nameFails(line string) {
	out := r.must(line, "What to do:", "Everleaf tries again")
	failed, explained, _ := strings.Cut(out, "nowhere: no certificate is in service")
	for _, said := range []string{failed, explained} {
		if !strings.Contains(said, "connection refused") || !strings.Contains(said, "ChallengeNotVisible") {
			r.t.Errorf("%s:\n%s", line, out)
		}
	}
}

func (r *running) nameCorrected(line string) {
	r.must(line, "nowhere.fails.test is 127.0.0.1 from now on")
	r.status("nowhere")
}

func (r *running) revoked(line string) {
	r.renews(line)
	out := r.must(". .bin/stack/env; .bin/everleaf cert explain demo")
	if !regexp.MustCompile(`serial \S+ was revoked \(superseded\)`).MatchString(out) {
		r.t.Errorf("nothing is revoked:\n%s", out)
	}
}

// secondWorker leaves it running, for the next line.
func (r *running) secondWorker(line string) {
	second := exec.Command("sh", "-c", line)
	second.Dir, second.SysProcAttr = r.dir, &syscall.SysProcAttr{Setpgid: true}
	said, err := second.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { // Ctrl-C
		_ = syscall.Kill(-second.Process.Pid, syscall.SIGINT)
		_ = second.Wait()
	})
	started := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if strings.Contains(lines.Text(), "everleaf started") {
				started <- true
			}
		}
		close(started)
	}()
	if !<-started {
		r.t.Fatal("the second worker ended")
	}
	out := r.must(". .bin/stack/env; .bin/stack/temporal task-queue describe --task-queue everleaf --task-queue-type workflow")
	if pollers := strings.Count(out, "/workflows/"); pollers != 2 {
		r.t.Errorf("%d workers poll:\n%s", pollers, out)
	}
}

func (r *running) firstWorkerAway(line string) {
	begin := time.Now()
	out := r.must(line, "started again in 20s", "Ready")
	if second := out[strings.LastIndex(out, "Certificate "):]; strings.Contains(second, "Answered by") {
		r.t.Errorf("the second worker does not answer:\n%s", out)
	}
	if took := time.Since(begin); took > 20*time.Second {
		r.t.Errorf("the answer took %s, as long as the first worker was away", took)
	}
}
