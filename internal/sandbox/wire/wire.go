// SPDX-License-Identifier: Apache-2.0

// Package wire joins an HTTP client to a handler in the same process, without sockets, so that a whole cloud works
// inside a testing/synctest bubble and a test can cut the wire where it likes.
package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport returns a RoundTripper that hands each request to h and its answer to the caller. An answer that the
// handler drops (http.ErrAbortHandler) is io.ErrUnexpectedEOF, as when a server closes the connection without a reply.
// A request whose context is done before the handler returns ends with the context's error; the handler sees the same context.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

// RoundTrip serves one request by a direct call.
func (t transport) RoundTrip(out *http.Request) (*http.Response, error) {
	in, err := incoming(out)
	if err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder()
	if err := t.serve(answer, in); err != nil {
		return nil, fmt.Errorf("%s %s: %w", out.Method, out.URL.Path, err)
	}
	if err := context.Cause(out.Context()); err != nil {
		return nil, err
	}
	response := answer.Result()
	response.Request = out
	return response, nil
}

// incoming turns a client's request into what a server would see.
func incoming(out *http.Request) (*http.Request, error) {
	if err := context.Cause(out.Context()); err != nil {
		return nil, err
	}
	var body []byte
	if out.Body != nil {
		var err error
		if body, err = io.ReadAll(out.Body); err != nil {
			return nil, fmt.Errorf("read the request's body: %w", err)
		}
		out.Body.Close()
	}
	in := out.Clone(out.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.ContentLength = int64(len(body))
	in.RequestURI = out.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = out.URL.Host
	}
	return in, nil
}

func (t transport) serve(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = io.ErrUnexpectedEOF
		default:
			panic(p)
		}
	}()
	t.handler.ServeHTTP(w, r)
	return nil
}
