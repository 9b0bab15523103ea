// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
)

// prove calls the peer from outside the mesh and wants the peer's proxy to refuse: it takes the connection and ends it without an
// answer, or answers in its own way. A connection that nobody takes proves nothing, since nobody may be there. It is not Go's HTTP
// client that calls: that one tells neither apart surely when the other side ends the connection before it has written.
func (o *Outside) prove(ctx context.Context, _ given) (string, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return "", fmt.Errorf("%q is not an address such as http://web.apps.svc:8080/", o.URL)
	}
	refused := u.Host + " takes the connection of a caller outside the mesh and ends it without an answer"
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if errors.Is(err, syscall.ECONNRESET) {
		return refused, nil // taken and ended before it was seen: where nobody listens, it is ECONNREFUSED
	}
	if err != nil {
		return "", unreached(u, err)
	}
	defer conn.Close() //nolint:errcheck // nothing is left that has to arrive
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return "", err
		}
	}
	ended := func(err error) bool {
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: k8or-probe\r\nConnection: close\r\n\r\n", u.RequestURI(), u.Host)
	var a *http.Response
	if err == nil {
		a, err = http.ReadResponse(bufio.NewReader(conn), nil)
	}
	switch {
	case err == nil:
		return o.answered(a)
	case ended(err):
		return refused, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", &trouble{what: u.Host + " takes the connection and says nothing", look: "whether the mesh's proxy before the peer's pod is ready", cause: err}
	}
	return "", unreached(u, err)
}

// answered judges an answer: an empty 403 where sidecars refuse so, and everything else is the app's.
func (o *Outside) answered(a *http.Response) (string, error) {
	defer a.Body.Close() //nolint:errcheck // the connection is closed in any case
	if o.Forbidden && a.StatusCode == http.StatusForbidden {
		if n, err := a.Body.Read(make([]byte, 1)); n == 0 && errors.Is(err, io.EOF) {
			return o.URL + " refuses a caller outside the mesh (403)", nil
		}
	}
	return "", &trouble{what: fmt.Sprintf("%s answers a caller outside the mesh: %s", o.URL, a.Status),
		look: "whether mutual TLS is strict for that port, and whether the peer's pod is in the mesh"}
}
