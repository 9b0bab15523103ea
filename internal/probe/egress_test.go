// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEgressComesFromTheGatewaysAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why, answer, want string
		status            int
		fails             string
	}{
		{why: "the address, with the line's end that such pages write", answer: "198.51.100.7\n", want: "198.51.100.7", status: 200},
		{why: "a node's own address", answer: "203.0.113.9", want: "198.51.100.7", status: 200, fails: "is asked from 203.0.113.9, and the NAT gateway's address is 198.51.100.7"},
		{why: "a page for people", answer: "<html>198.51.100.7</html>", want: "198.51.100.7", status: 200, fails: "something other than an address"},
		{why: "an error", answer: "198.51.100.7", want: "198.51.100.7", status: 503, fails: "answers 503"},
		{why: "a gateway without an address", answer: "198.51.100.7", want: "", status: 200, fails: "is not one"},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				w.Write([]byte(c.answer)) //nolint:errcheck // the client tells
			}))
			defer server.Close()
			f := Run(t.Context(), Spec{Egress: &Egress{URL: server.URL, Address: c.want}}, fstest.MapFS{}, t.Output())
			if c.fails == "" && f.State != Passed || c.fails != "" && (f.State != Failed || !strings.Contains(f.Message, c.fails)) {
				t.Errorf("got %s %q, want it to say %q", f.State, f.Message, c.fails)
			}
		})
	}
}
