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
)

// Transport hands each request to h in this process. An answer that h drops (http.ErrAbortHandler) is
// io.ErrUnexpectedEOF, as when a server closes the connection without a reply. An answer that h flushes is streamed, and its
// handler ends when the body is closed or the request's context ends; any other is whole before RoundTrip returns, so that a
// request is never half seen. A request whose context is done before that ends with the context's error.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

// RoundTrip serves one request.
func (t transport) RoundTrip(out *http.Request) (*http.Response, error) {
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
	ctx, cancel := context.WithCancel(out.Context())
	in := out.Clone(ctx)
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	in.RequestURI, in.RemoteAddr = out.URL.RequestURI(), "127.0.0.1:0"
	if in.Host == "" {
		in.Host = out.URL.Host
	}

	a := &inflight{header: http.Header{}, status: http.StatusOK, streams: make(chan struct{}), done: make(chan error, 1)}
	go func() { a.done <- a.run(t.handler, in) }()
	select {
	case err := <-a.done:
		cancel()
		if err == nil {
			err = context.Cause(out.Context())
		}
		if err != nil {
			return nil, err
		}
		return a.response(out, io.NopCloser(&a.whole)), nil
	case <-a.streams:
		return a.response(out, streamed{a.reader, cancel}), nil
	}
}

// inflight is an answer under way.
type inflight struct {
	header  http.Header
	status  int
	whole   bytes.Buffer
	reader  *io.PipeReader
	writer  *io.PipeWriter
	streams chan struct{}
	done    chan error
}

func (a *inflight) run(h http.Handler, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, io.ErrUnexpectedEOF)
		default:
			panic(p)
		}
		if a.writer != nil {
			a.writer.CloseWithError(err)
		}
	}()
	h.ServeHTTP(a, r)
	return nil
}

func (a *inflight) Header() http.Header    { return a.header }
func (a *inflight) WriteHeader(status int) { a.status = status }

func (a *inflight) Write(p []byte) (int, error) {
	if a.writer != nil {
		return a.writer.Write(p)
	}
	return a.whole.Write(p)
}

// Flush turns the answer into a stream. What was written before is its beginning.
func (a *inflight) Flush() {
	if a.writer != nil {
		return
	}
	a.reader, a.writer = io.Pipe()
	close(a.streams)
	if a.whole.Len() > 0 {
		a.writer.Write(a.whole.Bytes()) // an error means that the reader has gone, which the next write tells too
	}
}

func (a *inflight) response(r *http.Request, body io.ReadCloser) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), Body: body, ContentLength: -1, Request: r,
	}
}

type streamed struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the handler's context.
func (s streamed) Close() error {
	s.cancel()
	return s.PipeReader.Close()
}
