// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bufio"
	"net"
	"net/http"
	"testing"

	"github.com/k8or/k8or/internal/probe"
)

// peer is a server that does one thing with each connection, and its address.
func peer(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			do(conn)
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

// says reads a request and answers it.
func says(answer string) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			c.Write([]byte(answer)) //nolint:errcheck // the probe will say that there was no answer
		}
	}
}

func TestWhoIsOutsideTheMeshHasToBeRefused(t *testing.T) {
	t.Parallel()
	reset := func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() } //nolint:errcheck // a test's own connection
	for name, c := range map[string]struct {
		do        func(net.Conn)
		forbidden bool
		state     probe.State
		words     []string
	}{
		"ended at once":         {func(c net.Conn) { c.Close() }, false, probe.Passed, []string{"ends it without an answer"}},
		"ended by reset":        {reset, false, probe.Passed, []string{"ends it without an answer"}},
		"ended when asked":      {says(""), false, probe.Passed, []string{"ends it without an answer"}},
		"an answer":             {says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), false, probe.Failed, []string{"answers a caller outside the mesh", "200", "strict"}},
		"a 404 of the app's":    {says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), true, probe.Failed, []string{"404"}},
		"the sidecar's 403":     {says("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), true, probe.Passed, []string{"refuses", "403"}},
		"a 403 with a page":     {says("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nSorry"), true, probe.Failed, []string{"403"}},
		"a 403 where none is":   {says("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), false, probe.Failed, []string{"403"}},
		"a peer that is silent": {func(c net.Conn) { bufio.NewReader(c).WriteTo(discard{}); c.Close() }, false, probe.Failed, []string{"says nothing"}}, //nolint:errcheck // ends with the probe
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := run(t, probe.Spec{Timeout: short, Outside: &probe.Outside{URL: peer(t, c.do), Forbidden: c.forbidden}}, nil)
			wants(t, f, c.state, c.words...)
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestAPeerThatNobodyIsBehindRefusesNobody(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	f, _ := run(t, probe.Spec{Timeout: short, Outside: &probe.Outside{URL: "http://" + l.Addr().String() + "/"}}, nil)
	wants(t, f, probe.Failed, "gives no answer")
}
