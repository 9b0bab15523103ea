// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/k8or/k8or/internal/probe"
)

// mongoServer speaks MongoDB's wire protocol to one user, over TLS alone, who signs in by SCRAM-SHA-256: what it is given is kept in
// memory. Source: mongodb.com, "MongoDB Wire Protocol"; RFC 5802.
type mongoServer struct {
	// rights refuses every write, forgets loses documents.
	rights, forgets bool

	mu   sync.Mutex
	held map[string]bson.Raw // the one document of each collection
}

const opReply, opQuery, opMsg = 1, 2004, 2013

// message reads one message: its command with what comes in sections of their own, and how it was asked.
func (m *mongoServer) message(r io.Reader) (command bson.D, id, op uint32, err error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, 0, err
	}
	body := make([]byte, binary.LittleEndian.Uint32(head[:])-16)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, 0, 0, err
	}
	id, op = binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[12:])
	if op == opQuery {
		name := bytes.IndexByte(body[4:], 0)
		return command, id, op, bson.Unmarshal(body[4+name+1+8:], &command)
	}
	if op != opMsg {
		return nil, 0, 0, fmt.Errorf("a message of kind %d", op)
	}
	for rest := body[4:]; len(rest) > 1; {
		size := binary.LittleEndian.Uint32(rest[1:])
		section := rest[1 : 1+size]
		if rest[0] == 0 {
			var d bson.D
			if err := bson.Unmarshal(section, &d); err != nil {
				return nil, 0, 0, err
			}
			command = append(d, command...)
		} else {
			name := bytes.IndexByte(section[4:], 0)
			command = append(command, bson.E{Key: string(section[4 : 4+name]), Value: bson.A{bson.Raw(section[4+name+1:])}})
		}
		rest = rest[1+size:]
	}
	return command, id, op, nil
}

func (m *mongoServer) answer(w io.Writer, to, op uint32, said bson.D) error {
	doc, err := bson.Marshal(said)
	if err != nil {
		return err
	}
	body, kind := append(make([]byte, 5), doc...), uint32(opMsg) // no flags, and one section of kind 0
	if op == opQuery {
		body, kind = append(append(make([]byte, 16), 1, 0, 0, 0), doc...), opReply
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(16+len(body)))
	for _, n := range []uint32{1, to, kind} {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	_, err = w.Write(append(out, body...))
	return err
}

func refuse(code int32, name, text string) bson.D {
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: text}, {Key: "code", Value: code}, {Key: "codeName", Value: name}}
}

func value(d bson.D, key string) any {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// sign is one HMAC of SCRAM's.
func sign(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (m *mongoServer) serve(conn net.Conn) error {
	defer conn.Close()
	signedIn, first, challenge := false, "", ""
	salt := []byte("k8or-probes-salt")
	for {
		command, id, op, err := m.message(conn)
		if err != nil {
			return err
		}
		ok := bson.D{{Key: "ok", Value: 1.0}}
		payload := func() string {
			b, _ := value(command, "payload").(bson.Binary)
			return string(b.Data)
		}
		said := ok
		switch name := command[0].Key; {
		case strings.EqualFold(name, "hello") || strings.EqualFold(name, "ismaster"):
			said = append(said, bson.D{{Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "helloOk", Value: true}, {Key: "maxBsonObjectSize", Value: int32(16 << 20)},
				{Key: "maxMessageSizeBytes", Value: int32(48000000)}, {Key: "maxWriteBatchSize", Value: int32(100000)}, {Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(21)},
				{Key: "saslSupportedMechs", Value: bson.A{"SCRAM-SHA-256"}}}...)
		case name == "saslStart" && value(command, "mechanism") == "SCRAM-SHA-256":
			first = strings.TrimPrefix(payload(), "n,,")
			_, nonce, _ := strings.Cut(first, ",r=")
			challenge = "r=" + nonce + "server,s=" + base64.StdEncoding.EncodeToString(salt) + ",i=15000"
			said = append(said, bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: false}, {Key: "payload", Value: bson.Binary{Data: []byte(challenge)}}}...)
		case name == "saslContinue":
			salted, err := pbkdf2.Key(sha256.New, "s3cret-of-web", salt, 15000, sha256.Size)
			if err != nil {
				return err
			}
			bare, proof, _ := strings.Cut(payload(), ",p=")
			all := first + "," + challenge + "," + bare
			key := sign(salted, "Client Key")
			stored := sha256.Sum256(key)
			for i, b := range sign(stored[:], all) {
				key[i] ^= b
			}
			if signedIn = strings.HasPrefix(first, "n=web,") && proof == base64.StdEncoding.EncodeToString(key); !signedIn {
				said = refuse(18, "AuthenticationFailed", "Authentication failed.")
				break
			}
			server := "v=" + base64.StdEncoding.EncodeToString(sign(sign(salted, "Server Key"), all))
			said = append(said, bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: true}, {Key: "payload", Value: bson.Binary{Data: []byte(server)}}}...)
		case !signedIn:
			said = refuse(13, "Unauthorized", "command "+name+" requires authentication")
		default:
			said = m.command(name, command, ok)
		}
		if err := m.answer(conn, id, op, said); err != nil {
			return err
		}
	}
}

// command carries out one of the probe's commands.
func (m *mongoServer) command(name string, command, ok bson.D) bson.D {
	m.mu.Lock()
	defer m.mu.Unlock()
	own, _ := command[0].Value.(string)
	switch name {
	case "insert":
		if m.rights {
			return refuse(13, "Unauthorized", "not authorized on orders to execute command { insert }")
		}
		if value(command, "$db") != "orders" {
			return refuse(73, "InvalidNamespace", "another database")
		}
		if docs, _ := value(command, "documents").(bson.A); len(docs) == 1 {
			m.held[own], _ = docs[0].(bson.Raw)
		}
		return append(ok, bson.E{Key: "n", Value: int32(1)})
	case "find":
		found := bson.A{}
		if doc := m.held[own]; doc != nil && !m.forgets {
			found = append(found, doc)
		}
		return append(ok, bson.E{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "orders." + own}, {Key: "firstBatch", Value: found}}})
	case "drop":
		delete(m.held, own)
	case "listDatabases":
		return append(ok, bson.E{Key: "databases", Value: bson.A{bson.D{{Key: "name", Value: "orders"}}, bson.D{{Key: "name", Value: "admin"}}}})
	case "listCollections":
		batch := bson.A{bson.D{{Key: "name", Value: "system.views"}, {Key: "type", Value: "collection"}}}
		for name := range m.held {
			batch = append(batch, bson.D{{Key: "name", Value: name}, {Key: "type", Value: "collection"}})
		}
		return append(ok, bson.E{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "orders.$cmd.listCollections"}, {Key: "firstBatch", Value: batch}}})
	case "endSessions", "ping":
	default:
		return refuse(59, "CommandNotFound", "no such command: "+name)
	}
	return ok
}

func (m *mongoServer) listen(t *testing.T, a authority) map[string]string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, "127.0.0.1", -time.Hour, time.Hour)}}
	m.held = map[string]bson.Raw{}
	host, port := serving(t, func(conn net.Conn) error { return m.serve(tls.Server(conn, config)) })
	return map[string]string{"db/type": "mongodb", "db/host": host, "db/port": port, "db/username": "web", "db/password": "s3cret-of-web", "db/database": "orders",
		"db/uri": "mongodb://web:s3cret-of-web@" + net.JoinHostPort(host, port) + "/orders?authSource=admin&tls=true", "db/ca.crt": a.pem}
}

func TestADocumentIsWrittenToMongoDBAndReadAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var m mongoServer
	files := m.listen(t, a)
	f, _ := run(t, aRow, files)
	wants(t, f, probe.Passed, "a document was written to the database orders as web, and read again")
	m.mu.Lock()
	if len(m.held) > 0 {
		t.Errorf("collections are left behind: %v", m.held)
	}
	m.mu.Unlock()
	files["db/password"] = "wrong-5a4b3c"
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "MongoDB refuses the user web", "Secret")
}

func TestMongoDBSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	f, _ := run(t, aRow, (&mongoServer{rights: true}).listen(t, a))
	wants(t, f, probe.Failed, "MongoDB does not let web write a document", "rights")
	f, _ = run(t, aRow, (&mongoServer{forgets: true}).listen(t, a))
	wants(t, f, probe.Failed, "does not show it again")

	spec := aRow
	spec.Timeout = 3 * time.Second
	files := (&mongoServer{}).listen(t, a)
	files["db/ca.crt"] = newAuthority(t).pem
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "nobody who is trusted signed the certificate of MongoDB")
	spec.Timeout = short
	files["db/port"] = "1"
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "MongoDB does not answer", "connection refused", "firewall")
	files["db/uri"] = "mongodb+srv://web@nowhere.invalid/orders"
	files["db/host"] = "nowhere.invalid"
	f, _ = run(t, spec, files)
	wants(t, f, probe.Failed, "DNS does not know the servers of nowhere.invalid")
}
