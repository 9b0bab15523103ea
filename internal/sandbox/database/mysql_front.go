// SPDX-License-Identifier: Apache-2.0

package database

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// mysqlFront is what a MySQL client meets: TLS by the account's CA, then its session with the server behind. Source of the protocol:
// dev.mysql.com, MySQL internals, connection phase.
type mysqlFront struct {
	runtime *Runtime
	spec    digitalocean.DatabaseServer
	secure  func() (*tls.Conn, error)
}

// What a client and a server tell each other that they can do.
const (
	canCompress   = 1 << 5
	canTLS        = 1 << 11
	canZstd       = 1 << 26
	canAttributes = 1 << 27 // of queries
)

// packet is one of MySQL's: its number within an exchange, and what it says.
type packet struct {
	number byte
	body   []byte
}

func readPacket(r io.Reader) (packet, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return packet{}, err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size > maxMessage {
		return packet{}, errors.New("that is not MySQL's protocol")
	}
	p := packet{head[3], make([]byte, size)}
	_, err := io.ReadFull(r, p.body)
	return p, err
}

func (p packet) write(w io.Writer) error {
	n := len(p.body)
	_, err := w.Write(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), p.number}, p.body...))
	return err
}

// mysqlError is the packet by which a server refuses: one of MySQL's errors, its state, which is left out before a client has spoken, and a sentence.
func mysqlError(number byte, code uint16, state, text string) packet {
	body := binary.LittleEndian.AppendUint16([]byte{0xff}, code)
	if state != "" {
		body = append(append(body, '#'), state...)
	}
	return packet{number, append(body, text...)}
}

// serve goes through the start of a session, in which the server behind speaks without TLS and so counts one packet less, and then passes
// bytes both ways.
func (f mysqlFront) serve(c net.Conn) {
	server, err := f.behind()
	if err != nil {
		f.runtime.options.Log("database cluster %s: %v", f.spec.Name, err)
		mysqlError(0, 1040, "", "the database server could not be started; the sandbox's log has the reason").write(c) //nolint:errcheck // the client went away
		return
	}
	defer server.Close()
	client, err := f.greet(c, server)
	if err != nil {
		return
	}
	defer client.Close()
	if err := f.signIn(client, server); err != nil {
		return
	}
	if f.spec.CopyOf != "" {
		if err := readsOnly(server); err != nil {
			return
		}
	}
	join(client, server)
}

// behind is a connection with the server that stands behind the cluster.
func (f mysqlFront) behind() (net.Conn, error) {
	s, err := f.runtime.server(f.spec)
	if err != nil {
		return nil, err
	}
	socket, err := s.ready(context.Background())
	if err != nil {
		return nil, err
	}
	return net.Dial("unix", socket)
}

// greet passes the server's greeting on, and turns TLS on, without which nobody is let in.
func (f mysqlFront) greet(c, server net.Conn) (*tls.Conn, error) {
	greeting, err := readPacket(server)
	if err != nil {
		return nil, err
	}
	version := bytes.IndexByte(greeting.body, 0)
	at := version + 1 + 4 + 8 + 1 // the session's number, the first part of the salt, and nothing
	if version < 0 || len(greeting.body) < at+7 || greeting.body[0] == 0xff {
		return nil, errors.Join(errors.New("the server does not greet"), greeting.write(c))
	}
	low, high := greeting.body[at:], greeting.body[at+5:] // between them are a character set and a status
	can := uint32(binary.LittleEndian.Uint16(low)) | uint32(binary.LittleEndian.Uint16(high))<<16
	can |= canTLS
	if f.spec.CopyOf != "" { // in whose sessions we say something ourselves
		can &^= canCompress | canZstd | canAttributes
	}
	binary.LittleEndian.PutUint16(low, uint16(can))
	binary.LittleEndian.PutUint16(high, uint16(can>>16))
	if err := greeting.write(c); err != nil {
		return nil, err
	}
	asked, err := readPacket(c)
	if err != nil {
		return nil, err
	}
	if len(asked.body) < 4 || binary.LittleEndian.Uint32(asked.body)&canTLS == 0 {
		return nil, errors.Join(errors.New("a client without TLS"),
			mysqlError(asked.number+1, 3159, "HY000", "Connections using insecure transport are prohibited while --require_secure_transport=ON.").write(c))
	}
	return f.secure()
}

// signIn passes on what a client and the server say until the server has let the client in.
func (f mysqlFront) signIn(client, server net.Conn) error {
	answer, err := readPacket(client)
	if err != nil {
		return err
	}
	if len(answer.body) < 32 {
		return errors.New("that is not MySQL's protocol")
	}
	if user, _, _ := bytes.Cut(answer.body[32:], []byte{0}); string(user) == superuser {
		return errors.Join(errors.New("our own user"), mysqlError(answer.number+1, 1045, "28000", fmt.Sprintf("Access denied for user '%s'@'%%' (using password: YES)", user)).write(client))
	}
	binary.LittleEndian.PutUint32(answer.body, binary.LittleEndian.Uint32(answer.body)&^canTLS)
	for {
		answer.number--
		if err := answer.write(server); err != nil {
			return err
		}
		for goesOn := true; goesOn; {
			said, err := readPacket(server)
			if err != nil || len(said.body) == 0 {
				return errors.Join(errors.New("the server says nothing"), err)
			}
			said.number++
			if err := said.write(client); err != nil {
				return err
			}
			switch said.body[0] {
			case 0x00:
				return nil
			case 0xff:
				return errors.New("the server refuses the client")
			}
			goesOn = bytes.Equal(said.body, []byte{1, 3}) // it knows the password already
		}
		if answer, err = readPacket(client); err != nil {
			return err
		}
	}
}

// readsOnly begins a session of a copy to read from.
func readsOnly(server net.Conn) error {
	if err := (packet{0, append([]byte{3}, "SET SESSION TRANSACTION READ ONLY"...)}).write(server); err != nil {
		return err
	}
	done, err := readPacket(server)
	if err == nil && (len(done.body) == 0 || done.body[0] != 0) {
		err = errors.New("the server does not begin a session to read")
	}
	return err
}
