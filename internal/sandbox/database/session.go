// SPDX-License-Identifier: Apache-2.0

package database

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// The codes in the place of a protocol's version, by which a PostgreSQL client asks for something else than a session.
const (
	protocolVersion = 3 << 16
	cancelRequest   = 80877102
	sslRequest      = 80877103
	gssRequest      = 80877104
)

// maxMessage is more than any message of a start or of our own questions.
const maxMessage = 1 << 20

// readStart reads what a client says first: a code and what follows it.
func readStart(r io.Reader) (code uint32, rest []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[:4])
	if size < 8 || size > maxMessage {
		return 0, nil, errors.New("that is not PostgreSQL's protocol")
	}
	rest = make([]byte, size-8)
	_, err = io.ReadFull(r, rest)
	return binary.BigEndian.Uint32(head[4:]), rest, err
}

// start is a start message: a code, and names with values or, for a cancellation, raw bytes.
func start(code uint32, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(rest)+8))
	return append(binary.BigEndian.AppendUint32(b, code), rest...)
}

// parameters reads the names and values of a start message, in order.
func parameters(rest []byte) [][2]string {
	parts := bytes.Split(rest, []byte{0})
	var all [][2]string
	for i := 0; i+1 < len(parts) && len(parts[i]) > 0; i += 2 {
		all = append(all, [2]string{string(parts[i]), string(parts[i+1])})
	}
	return all
}

func encode(parameters [][2]string) []byte {
	var b []byte
	for _, p := range parameters {
		b = append(append(append(append(b, p[0]...), 0), p[1]...), 0)
	}
	return append(b, 0)
}

// fatal is the message by which a server refuses a session: an SQLSTATE and a sentence.
func fatal(state, text string) []byte {
	var body []byte
	for _, f := range []string{"SFATAL", "VFATAL", "C" + state, "M" + text} {
		body = append(append(body, f...), 0)
	}
	return message('E', append(body, 0))
}

func message(kind byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return append(b, body...)
}

// session is our own connection to a server of ours, over its socket, where our user needs no password.
type session struct {
	conn   net.Conn
	reader *bufio.Reader
}

func openSession(socket, user, database string) (*session, error) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	s := &session{c, bufio.NewReader(c)}
	if _, err := c.Write(start(protocolVersion, encode([][2]string{{"user", user}, {"database", database}}))); err != nil {
		c.Close()
		return nil, err
	}
	if _, err := s.results(); err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() {
	s.conn.Write(message('X', nil)) //nolint:errcheck // it ends either way
	s.conn.Close()
}

// query runs one or several statements and returns their rows; NULL is the empty text.
func (s *session) query(statement string) ([][]string, error) {
	if _, err := s.conn.Write(message('Q', append([]byte(statement), 0))); err != nil {
		return nil, err
	}
	return s.results()
}

// results reads until the server is ready for more.
func (s *session) results() (rows [][]string, failed error) {
	for {
		var head [5]byte
		if _, err := io.ReadFull(s.reader, head[:]); err != nil {
			return nil, errors.Join(failed, err)
		}
		size := binary.BigEndian.Uint32(head[1:])
		if size < 4 || size > maxMessage {
			return nil, errors.New("the server does not speak PostgreSQL's protocol")
		}
		body := make([]byte, size-4)
		if _, err := io.ReadFull(s.reader, body); err != nil {
			return nil, err
		}
		switch head[0] {
		case 'Z':
			return rows, failed
		case 'D':
			rows = append(rows, row(body))
		case 'E':
			failed = errors.New(sentence(body))
		case 'R':
			if binary.BigEndian.Uint32(body) != 0 {
				return nil, errors.New("the server wants a password of its own user")
			}
		}
	}
}

func row(body []byte) []string {
	var values []string
	for body = body[2:]; len(body) >= 4; {
		size := int32(binary.BigEndian.Uint32(body))
		body = body[4:]
		if size < 0 {
			values = append(values, "")
			continue
		}
		values = append(values, string(body[:size]))
		body = body[size:]
	}
	return values
}

// sentence is what an error message says, with its SQLSTATE.
func sentence(body []byte) string {
	var state, text string
	for _, field := range bytes.Split(body, []byte{0}) {
		if len(field) == 0 {
			continue
		}
		switch field[0] {
		case 'C':
			state = string(field[1:])
		case 'M':
			text = string(field[1:])
		}
	}
	return fmt.Sprintf("%s (SQLSTATE %s)", text, state)
}

// name quotes an SQL identifier, text an SQL string.
func name(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func text(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }
