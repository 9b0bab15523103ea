// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxChunk bounds one chunk of a streamed body; clients send 8 KiB to 1 MiB.
const maxChunk = 16 << 20

// body reads what was sent and fails at its end, or at the first wrong chunk, when it is not what was signed.
func body(in io.ReadCloser, payload string, h http.Header, g signature, key []byte) io.ReadCloser {
	switch {
	case payload == "UNSIGNED-PAYLOAD":
		return in
	case strings.HasPrefix(payload, "STREAMING-"):
		// Checksums in trailers are read over; the chunks' signatures hold their bytes.
		return &chunks{in: bufio.NewReader(in), close: in, signed: strings.HasPrefix(payload, "STREAMING-"+algorithm), last: g.value, prefix: algorithm + "-PAYLOAD\n" + g.at.Format(stamp) + "\n" + g.scope() + "\n", key: key}
	}
	return &hashed{ReadCloser: in, want: payload, h: sha256.New()}
}

// hashed holds a body against the hash that was signed.
type hashed struct {
	io.ReadCloser
	want string
	h    hash.Hash
}

// Read passes bytes on, and fails in place of the end when they are others than were signed.
func (r *hashed) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.h.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(r.h.Sum(nil)) != r.want {
		return n, refused(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

// chunks reads the aws-chunked encoding.
type chunks struct {
	in     *bufio.Reader
	close  io.Closer
	signed bool
	last   string // signature of the chunk before
	prefix string
	key    []byte
	rest   bytes.Reader
	ended  bool
}

// Close closes the request's body.
func (c *chunks) Close() error { return c.close.Close() }

// Read gives the bytes within the chunks.
func (c *chunks) Read(p []byte) (int, error) {
	for c.rest.Len() == 0 {
		if c.ended {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	return c.rest.Read(p)
}

func (c *chunks) next() error {
	line, err := c.line()
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	n, err := strconv.ParseInt(size, 16, 64)
	if err != nil || n < 0 || n > maxChunk {
		return badArgument("A chunk of the body is malformed: %q", line)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(c.in, data); err != nil {
		return fmt.Errorf("read a chunk of %d bytes: %w", n, err)
	}
	if c.signed {
		sent := strings.TrimPrefix(extension, "chunk-signature=")
		want := sum(c.key, c.prefix+c.last+"\n"+emptyHash+"\n"+hash256(data))
		if !hmac.Equal([]byte(sent), []byte(want)) {
			return refused(http.StatusForbidden, "SignatureDoesNotMatch", "A chunk's signature does not match its bytes.")
		}
		c.last = sent
	}
	if n == 0 {
		c.ended = true
		_, err := discardRest(c.in) // trailers
		return err
	}
	if end, err := c.line(); err != nil || end != "" {
		return badArgument("A chunk of the body does not end where it says")
	}
	c.rest.Reset(data)
	return nil
}

func (c *chunks) line() (string, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read the next chunk: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

var emptyHash = hash256(nil)

func hash256(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// discardRest reads to the end, so that the checks at the end of a body are made.
func discardRest(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }
