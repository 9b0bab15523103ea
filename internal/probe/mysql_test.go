// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/probe"
)

// mysqlServer speaks MySQL's protocol 4.1 to one user, over TLS alone: what it does about tables of one column is kept in memory.
// Source: dev.mysql.com, "MySQL Source Code Documentation", Client/Server Protocol.
type mysqlServer struct {
	config *tls.Config
	// rights refuses every table, forgets loses rows, readOnly takes no table at all.
	rights, forgets, readOnly bool

	mu     sync.Mutex
	tables map[string]string
}

// packet reads one packet: three bytes of length, one of sequence.
func packet(r io.Reader) (body []byte, sequence byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, err
	}
	body = make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err = io.ReadFull(r, body)
	return body, head[3], err
}

func send(w io.Writer, sequence byte, bodies ...[]byte) error {
	var out []byte
	for i, body := range bodies {
		out = append(out, byte(len(body)), byte(len(body)>>8), byte(len(body)>>16), sequence+byte(i))
		out = append(out, body...)
	}
	_, err := w.Write(out)
	return err
}

var okPacket = []byte{0, 0, 0, 2, 0, 0, 0}

func mysqlError(number int, state, text string) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{0xff}, uint16(number)), "#"+state+text...)
}

func lengthOf(s string) []byte { return append([]byte{byte(len(s))}, s...) }

// scramble is what a client of caching_sha2_password proves its password with.
func scramble(password string, nonce []byte) []byte {
	once := sha256.Sum256([]byte(password))
	twice := sha256.Sum256(once[:])
	mixed := sha256.Sum256(append(twice[:], nonce...))
	for i := range once {
		once[i] ^= mixed[i]
	}
	return once[:]
}

func (m *mysqlServer) serve(conn net.Conn) error {
	defer conn.Close()
	const (
		secure = 1 << 11 // CLIENT_SSL
		flags  = 1<<0 | 1<<2 | 1<<3 | 1<<9 | secure | 1<<13 | 1<<15 | 1<<19
	)
	nonce := []byte("k8or-probes-nonce-20")
	hello := append([]byte{10}, "8.0.35\x00\x01\x00\x00\x00"...)
	hello = append(append(hello, nonce[:8]...), 0)
	hello = binary.LittleEndian.AppendUint16(hello, flags&0xffff)
	hello = append(hello, 45, 2, 0)
	hello = binary.LittleEndian.AppendUint16(hello, flags>>16)
	hello = append(append(append(hello, 21), make([]byte, 10)...), nonce[8:]...)
	hello = append(append(hello, 0), "caching_sha2_password\x00"...)
	if err := send(conn, 0, hello); err != nil {
		return err
	}
	asked, sequence, err := packet(conn)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(asked)&secure == 0 {
		return send(conn, sequence+1, mysqlError(3159, "HY000", "Connections using insecure transport are prohibited"))
	}
	secured := tls.Server(conn, m.config)
	if asked, sequence, err = packet(secured); err != nil {
		return err
	}
	user, rest, _ := bytes.Cut(asked[32:], []byte{0})
	if proof := scramble("s3cret-of-web", nonce); string(user) != "web" || len(rest) < 1+len(proof) || !bytes.Equal(rest[1:1+len(proof)], proof) {
		return send(secured, sequence+1, mysqlError(1045, "28000", "Access denied for user 'web'@'10.1.0.7' (using password: YES)"))
	}
	if err := send(secured, sequence+1, []byte{1, 3}, okPacket); err != nil { // fast authentication succeeded
		return err
	}
	for {
		command, _, err := packet(secured)
		if err != nil || len(command) == 0 || command[0] == 1 { // COM_QUIT
			return err
		}
		if err := send(secured, 1, m.query(string(command[1:]))...); err != nil {
			return err
		}
	}
}

// query carries out one of the probe's queries.
func (m *mysqlServer) query(text string) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	words := strings.Fields(text)
	name := func(i int) string { return strings.Trim(words[i], "`") }
	switch {
	case strings.HasPrefix(text, "CREATE TABLE") && m.rights:
		return [][]byte{mysqlError(1142, "42000", "CREATE command denied to user 'web'@'10.1.0.7'")}
	case strings.HasPrefix(text, "CREATE TABLE") && m.readOnly:
		return [][]byte{mysqlError(1290, "HY000", "The MySQL server is running with the --super-read-only option")}
	case strings.HasPrefix(text, "CREATE TABLE") && !strings.Contains(text, "PRIMARY KEY"):
		return [][]byte{mysqlError(3750, "HY000", "Unable to create or change a table without a primary key, when the system variable 'sql_require_primary_key' is set.")}
	case strings.HasPrefix(text, "CREATE TABLE"):
		m.tables[name(2)] = ""
	case strings.HasPrefix(text, "INSERT INTO"):
		if !m.forgets {
			m.tables[name(2)] = strings.Trim(words[4], "('),")
		}
	case strings.HasPrefix(text, "SELECT s.schema_name"): // of the one schema that it has
		return rowsOf(2, "orders", strconv.Itoa(len(m.tables)))
	case strings.HasPrefix(text, "SELECT word FROM"), strings.HasPrefix(text, "SELECT '"):
		word, asked := strings.CutPrefix(text, "SELECT '")
		if word = strings.TrimSuffix(word, "'"); !asked {
			word = m.tables[name(3)]
		}
		if word == "" {
			return rowsOf(1)
		}
		return rowsOf(1, word)
	case strings.HasPrefix(text, "DROP TABLE"):
		delete(m.tables, name(2))
	default:
		return [][]byte{mysqlError(1064, "42000", "You have an error in your SQL syntax near "+text)}
	}
	return [][]byte{okPacket}
}

// rowsOf is an answer of so many columns of text, and one row or none.
func rowsOf(columns int, row ...string) [][]byte {
	out, end := [][]byte{{byte(columns)}}, []byte{0xfe, 0, 0, 2, 0}
	for range columns {
		column := lengthOf("def")
		for _, s := range []string{"orders", "t", "t", "word", "word"} {
			column = append(column, lengthOf(s)...)
		}
		out = append(out, append(column, 12, 45, 0, 0, 1, 0, 0, 253, 0, 0, 0, 0, 0))
	}
	out = append(out, end)
	if len(row) > 0 {
		var body []byte
		for _, s := range row {
			body = append(body, lengthOf(s)...)
		}
		out = append(out, body)
	}
	return append(out, end)
}

// listen serves until the test ends, and is how the server's app is told of it.
func (m *mysqlServer) listen(t *testing.T, a authority) map[string]string {
	t.Helper()
	m.config, m.tables = &tls.Config{Certificates: []tls.Certificate{a.issue(t, "127.0.0.1", -time.Hour, time.Hour)}}, map[string]string{}
	host, port := serving(t, m.serve)
	return map[string]string{"db/type": "mysql", "db/host": host, "db/port": port, "db/username": "web", "db/password": "s3cret-of-web", "db/database": "orders", "db/ca.crt": a.pem}
}

func TestARowIsWrittenToMySQLAndReadAgain(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var m mysqlServer
	files := m.listen(t, a)
	f, _ := run(t, aRow, files)
	wants(t, f, probe.Passed, "a row was written to the database orders as web, and read again")
	m.mu.Lock()
	if len(m.tables) > 0 {
		t.Errorf("tables are left behind: %v", m.tables)
	}
	m.mu.Unlock()
	files["db/password"] = "wrong-5a4b3c"
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "MySQL refuses the user web", "Secret")
	files["db/ca.crt"] = newAuthority(t).pem
	f, _ = run(t, aRow, files)
	wants(t, f, probe.Failed, "nobody who is trusted signed the certificate of MySQL")
}

func TestMySQLSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, c := range []struct {
		server *mysqlServer
		words  []string
	}{
		{&mysqlServer{rights: true}, []string{"MySQL does not let web make a table", "grants"}},
		{&mysqlServer{forgets: true}, []string{"does not show it again"}},
		{&mysqlServer{readOnly: true}, []string{"MySQL refuses", "super-read-only"}},
	} {
		f, _ := run(t, aRow, c.server.listen(t, a))
		wants(t, f, probe.Failed, c.words...)
	}
	spec := aRow
	spec.Timeout = short
	f, _ := run(t, spec, map[string]string{"db/type": "mysql", "db/host": "127.0.0.1", "db/port": "1", "db/username": "web", "db/password": "s3cret-of-web", "db/database": "orders"})
	wants(t, f, probe.Failed, "MySQL does not answer", "firewall")
}
