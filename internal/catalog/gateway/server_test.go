// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// server answers as a gateway does of which one thing or another is so. Its pages are those of Kong 3.9, NGINX 1.29 and Envoy, and so
// is the order in which they look at a request.
type server struct {
	product       string // kong, nginx or doks
	proxy         bool   // it speaks the PROXY protocol
	tls           bool   // it sends on to HTTPS
	known         bool   // who signed its certificate is believed
	password, key string // of the one caller; empty where it asks nobody
	shut          bool   // it lets in others
	limits        int64  // requests that it answers with 429 before it answers any
	lost          bool   // it has no route
	alone         bool   // no pods are behind it
	app           int    // the app's status; zero is 200
}

// start serves at an address, HTTP and HTTPS at the same port, and gives the authority that signed its certificate.
func (s server) start(t *testing.T) (address string, authority []byte) {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // its certificate is for example.com
	lender.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	serve := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, func() bool { return asked.Add(1) <= s.limits })
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve.Serve(either{l, s, &tls.Config{Certificates: lender.TLS.Certificates}}) //nolint:errcheck // it ends with the test
	}()
	t.Cleanup(func() {
		serve.Close() //nolint:errcheck // nothing is left of it
		<-done
	})
	return l.Addr().String(), lender.Certificate().Raw
}

func (s server) answer(w http.ResponseWriter, r *http.Request, limited func() bool) {
	name, word, _ := r.BasicAuth()
	stranger := s.password != "" && (name != "alice" || word != s.password) || s.key != "" && r.Header.Get("X-API-Key") != s.key
	say := func(status int, kong, envoy string) {
		page := map[string]string{"kong": `{"message":"` + kong + `"}`, "doks": envoy,
			"nginx": "<html>\r\n<head><title>" + http.StatusText(status) + "</title></head>\r\n<body>\r\n<hr><center>nginx/1.29.3</center>\r\n</body>\r\n</html>\r\n"}[s.product]
		w.Header().Set("Server", map[string]string{"kong": "kong/3.9.1", "nginx": "nginx/1.29.3", "doks": "envoy"}[s.product])
		w.WriteHeader(status)
		io.WriteString(w, page) //nolint:errcheck // the probe says what became of it
	}
	switch {
	case s.tls && r.TLS == nil:
		port := map[string]string{"nginx": ":443"}[s.product]
		w.Header().Set("Location", "https://"+r.Host+port+r.URL.RequestURI())
		say(http.StatusMovedPermanently, "", "")
	case s.lost:
		say(http.StatusNotFound, "no Route matched with those values", "")
	case s.product == "kong" && stranger:
		say(http.StatusUnauthorized, "Unauthorized", "")
	case s.product == "kong" && s.shut:
		say(http.StatusForbidden, "IP address not allowed: 127.0.0.1", "")
	case limited():
		say(http.StatusTooManyRequests, "API rate limit exceeded", "")
	case s.shut:
		say(http.StatusForbidden, "", "")
	case stranger && s.product == "nginx" && r.Header.Get("X-API-Key") != "":
		say(http.StatusForbidden, "", "")
	case stranger:
		w.Header().Set("WWW-Authenticate", `Basic realm="public"`)
		say(http.StatusUnauthorized, "", "")
	case s.alone:
		status := http.StatusServiceUnavailable
		if s.product == "nginx" {
			status = http.StatusBadGateway
		}
		say(status, "failure to get a peer from the ring-balancer", "no healthy upstream")
	default:
		if s.product == "kong" {
			w.Header().Set("Via", "1.1 kong/3.9.1")
		}
		w.WriteHeader(max(s.app, http.StatusOK))
		io.WriteString(w, "the app's own page") //nolint:errcheck // the probe says what became of it
	}
}

// either hands out connections of both HTTP and HTTPS, told apart by their first byte. What begins by the PROXY protocol and should
// not, or should and does not, ends as it does with NGINX: by a page that says 400, and without a word.
type either struct {
	net.Listener
	server server
	config *tls.Config
}

func (e either) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	read := &peeked{conn, bufio.NewReader(conn)}
	if first, err := read.from.Peek(6); err == nil && (string(first) == "PROXY ") != e.server.proxy {
		if !e.server.proxy {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<center>nginx</center>") //nolint:errcheck // the probe says what became of it
		}
		return read, conn.Close()
	}
	if e.server.proxy {
		if line, err := read.from.ReadString('\n'); err != nil || !strings.HasPrefix(line, "PROXY TCP4 127.0.0.1 127.0.0.1 ") {
			return read, conn.Close()
		}
	}
	if first, err := read.from.Peek(1); err == nil && first[0] == 0x16 { // a TLS handshake
		return tls.Server(read, e.config), nil
	}
	return read, nil
}

// peeked is a connection of which something has been looked at.
type peeked struct {
	net.Conn
	from *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.from.Read(b) }
