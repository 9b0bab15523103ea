// SPDX-License-Identifier: Apache-2.0

//go:build unix

package companion

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/k8or/k8or/internal/problem"
)

// announce writes what a sandbox says of itself into its folder.
func announce(t *testing.T, dir string, s Sandbox) {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sandbox.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// admin is a sandbox's admin API that knows its token.
func admin(t *testing.T) (*httptest.Server, Sandbox) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer key":
			http.Error(w, `{"message":"wrong token"}`, http.StatusUnauthorized)
		case r.URL.Path == "/status":
			fmt.Fprint(w, `{"speed":60}`)
		default:
			http.Error(w, "<html>", http.StatusTeapot)
		}
	}))
	t.Cleanup(server.Close)
	return server, Sandbox{Protocol: Protocol, PID: 4242, Admin: server.URL, AdminToken: "key"}
}

func TestRunningIsWhatAnswersAndNotWhatWasAnnounced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, ok, err := Running(t.Context(), dir); ok || err != nil {
		t.Errorf("an empty folder: %v, %v", ok, err)
	}
	server, s := admin(t)
	announce(t, dir, s)
	if got, ok, err := Running(t.Context(), dir); !ok || err != nil || got.PID != 4242 {
		t.Errorf("one that answers: %+v, %v, %v", got, ok, err)
	}
	another := s
	another.AdminToken = "of the one before"
	announce(t, dir, another)
	if _, ok, err := Running(t.Context(), dir); ok || err != nil {
		t.Errorf("an announcement whose port somebody else has now: %v, %v", ok, err)
	}
	announce(t, dir, s)
	server.Close()
	if _, ok, err := Running(t.Context(), dir); ok || err != nil {
		t.Errorf("an announcement of a process that is gone: %v, %v", ok, err)
	}
	s.Protocol++
	announce(t, dir, s)
	_, _, err := Running(t.Context(), dir)
	if code := codeOf(t, err); code != problem.CompanionProtocol || !strings.Contains(err.Error(), "protocol") {
		t.Errorf("another protocol: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sandbox.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Running(t.Context(), dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("half an announcement: %v, want an error that names the folder", err)
	}
}

func TestCallSaysWhatTheSandboxAnswered(t *testing.T) {
	t.Parallel()
	_, s := admin(t)
	var status struct{ Speed float64 }
	if err := s.Call(t.Context(), http.MethodGet, "/status", nil, &status); err != nil || status.Speed != 60 {
		t.Errorf("got %+v, %v", status, err)
	}
	if err := s.Call(t.Context(), http.MethodPost, "/brew", map[string]int{"cups": 2}, nil); err == nil || !strings.Contains(err.Error(), "refuses POST /brew: 418") {
		t.Errorf("an answer without a message: %v", err)
	}
	s.AdminToken = "wrong"
	if err := s.Call(t.Context(), http.MethodGet, "/status", nil, nil); err == nil || !strings.Contains(err.Error(), "wrong token") {
		t.Errorf("an answer with one: %v", err)
	}
}

func TestAStartThatFailsShowsTheLogsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ why, content, want string }{
		{"one that says why", script("", "i=0; while [ $i -lt 100 ]; do echo \"line $i of the log\"; i=$((i+1)); done; echo port taken >&2; exit 1"), "exit status 1"},
		{"one that ends without an error", script("", "echo port taken; exit 0"), "it said nothing of an error"},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "sandbox")
			path := place(t, t.TempDir(), "k8or-sandbox", c.content)
			_, err := Start(t.Context(), path, StartOptions{Dir: dir, Speed: 60})
			if code := codeOf(t, err); code != problem.SandboxFailed {
				t.Errorf("got %s", code)
			}
			text := err.Error()
			if !strings.Contains(text, "port taken") || !strings.Contains(text, c.want) || strings.Contains(text, "line 0 of") || strings.Contains(text, "%!") {
				t.Errorf("got %q, want the end of its log and not the beginning", text)
			}
		})
	}
	if _, err := Start(t.Context(), filepath.Join(t.TempDir(), "none"), StartOptions{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a binary that is not there: %v", err)
	}
}

func TestStartHandsOnWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, s := admin(t)
	announced := filepath.Join(t.TempDir(), "announced.json")
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(announced, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	// It lives until the test ends: until somebody opens the other end of its pipe, and closes it.
	alive := filepath.Join(t.TempDir(), "alive")
	if err := syscall.Mkfifo(alive, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if end, err := os.OpenFile(alive, os.O_RDWR, 0); err == nil {
			end.Close()
		}
	})
	path := place(t, t.TempDir(), "k8or-sandbox", script("", fmt.Sprintf(`echo "$*"; mv %s %s/sandbox.json; exec cat %s`, announced, dir, alive)))
	got, err := Start(t.Context(), path, StartOptions{Dir: dir, Speed: 2.5, ControlPlane: "/opt/cp", GodoStates: true})
	if err != nil || got.PID != 4242 {
		t.Fatalf("got %+v, %v", got, err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "sandbox.log"))
	if want := "serve --dir " + dir + " --speed 2.5 --controlplane /opt/cp --godo-states\n"; err != nil || string(log) != want {
		t.Errorf("it was started with %q, want %q", log, want)
	}
	if again, err := Start(t.Context(), filepath.Join(dir, "none"), StartOptions{Dir: dir}); err != nil || again.PID != 4242 {
		t.Errorf("one that runs already is taken: got %+v, %v", again, err)
	}
}
