// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// forward is a connection by Fluentd's forward protocol, version 1
// (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1).
type forward struct {
	conn net.Conn
	from *msgp.Reader
}

// prove hands over one record and waits until it is acknowledged, as the agents on the nodes do for each of theirs.
func (f *Forward) prove(ctx context.Context, g given) (string, error) {
	key, err := g.file(f.Key)
	if err != nil {
		return "", err
	}
	c, err := f.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.conn.Close() //nolint:errcheck // nothing is lost with it
	if len(key) > 0 {
		if err := c.signIn(string(key)); err != nil {
			return "", err
		}
	}
	word := unique()
	if err := c.send([]any{"k8or.probe", time.Now().Unix(), map[string]any{"message": word}, map[string]any{"chunk": word}}); err != nil {
		return "", err
	}
	answer, err := c.receive()
	switch ack, _ := answer.(map[string]any); {
	case err != nil && len(key) == 0:
		return "", &trouble{what: "a record is not acknowledged", look: "whether it asks for a shared key, of which the document says nothing, or for TLS, and its logs", cause: err}
	case err != nil:
		return "", &trouble{what: "a record is not acknowledged", look: "its logs", cause: err}
	case words(answer, 0) == "HELO":
		return "", &trouble{what: "it asks for a shared key, and the document names none", look: "spec.logging.existing.credentials"}
	case text(ack["ack"]) != word:
		return "", &trouble{what: "a record is answered with something else than its acknowledgement", look: "whether what listens there speaks Fluentd's forward protocol"}
	}
	return "a record was taken in and acknowledged", nil
}

// connect opens the connection, which ends with the context.
func (f *Forward) connect(ctx context.Context) (*forward, error) {
	var conn net.Conn
	var err error
	if f.TLS {
		conn, err = new(tls.Dialer).DialContext(ctx, "tcp", f.Address)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", f.Address)
	}
	if err != nil {
		return nil, &trouble{what: "there is no connection to " + f.Address, look: "whether it listens there, with or without TLS, and lets the cluster in", cause: err}
	}
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return nil, fmt.Errorf("bound the connection to %s: %w", f.Address, err)
		}
	}
	return &forward{conn, msgp.NewReader(bufio.NewReader(conn))}, nil
}

// signIn proves to the server that both know the key, and has it prove the same.
func (c *forward) signIn(key string) error {
	helo, err := c.receive()
	if err != nil || words(helo, 0) != "HELO" {
		return &trouble{what: "it does not ask for the shared key that the document names, and the agents wait until it does", look: "its <security> section, or remove spec.logging.existing.credentials", cause: err}
	}
	options, _ := element(helo, 1).(map[string]any)
	if text(options["auth"]) != "" {
		return &trouble{what: "it asks for a user and a password beside the shared key, which the agents do not have", look: "user_auth in its <security> section"}
	}
	nonce, salt := text(options["nonce"]), rand.Text()
	name, err := os.Hostname()
	if err != nil {
		name = "k8or"
	}
	if err := c.send([]any{"PING", name, salt, knows(salt, name, nonce, key), "", ""}); err != nil {
		return err
	}
	pong, err := c.receive()
	if err != nil || words(pong, 0) != "PONG" {
		return &trouble{what: "it does not say whether the shared key is right", look: "its logs", cause: err}
	}
	if in, _ := element(pong, 1).(bool); !in {
		return &trouble{what: "it does not take the shared key", look: "spec.logging.existing.credentials, and shared_key in its <security> section"}
	}
	if subtle.ConstantTimeCompare([]byte(words(pong, 4)), []byte(knows(salt, words(pong, 3), nonce, key))) != 1 {
		return &trouble{what: "it does not know the shared key itself", look: "whether the address is that of the right one"}
	}
	return nil
}

// knows is by which either side proves that it knows the key.
func knows(salt, name, nonce, key string) string {
	sum := sha512.Sum512([]byte(salt + name + nonce + key))
	return hex.EncodeToString(sum[:])
}

func (c *forward) send(message []any) error {
	raw, err := msgp.AppendIntf(nil, message)
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(raw); err != nil {
		return &trouble{what: "the connection breaks while something is sent", look: "whether it wants TLS, and its logs", cause: err}
	}
	return nil
}

func (c *forward) receive() (any, error) {
	answer, err := c.from.ReadIntf()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the connection was closed")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errors.New("no answer came within the time")
	}
	return answer, err
}

// element is one of an array's, nil for none.
func element(message any, i int) any {
	if all, ok := message.([]any); ok && i < len(all) {
		return all[i]
	}
	return nil
}

func words(message any, i int) string { return text(element(message, i)) }

// text is a string, which some write as bytes.
func text(v any) string {
	raw, _ := v.([]byte)
	s, _ := v.(string)
	return cmp.Or(s, string(raw))
}
