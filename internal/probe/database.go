// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Database writes something and reads it again, or only asks, with the credentials that an app gets.
type Database struct {
	// Binding is the folder of a servicebinding.io Secret: type, host, port, username, password, database and ca.crt. Its type
	// says which engine it is: postgresql, mysql, valkey, mongodb (with uri) or opensearch. Without ca.crt the system's authorities
	// are believed.
	Binding string `json:"binding"`
	// Address, when given, is connected to in place of the Binding's host and port: a server by a way that DNS does not know. Its
	// certificate is still to be for the host.
	Address string `json:"address,omitempty"`
	// Plain says that it speaks no TLS.
	Plain bool `json:"plain,omitempty"`
	// Ask says that it is signed in to and asked, and nothing written: it is somebody else's.
	Ask bool `json:"ask,omitempty"`
}

// prove speaks to the engine that the Binding names.
func (d *Database) prove(ctx context.Context, g given) (string, error) {
	s, err := signingIn(g, d.Binding)
	if err != nil {
		return "", err
	}
	if d.Plain {
		s.config = nil
	}
	if d.Address != "" {
		s.at = d.Address
	}
	switch s.b["type"] {
	case "postgresql", "mysql", "mongodb":
		return d.inDatabase(ctx, g, s.b, s.at, s.config)
	case "opensearch":
		return d.indexed(ctx, g, s.b, s.authority)
	case "valkey":
		return d.key(ctx, s.b, s.at, s.config)
	default:
		return "", unspoken(s.b)
	}
}

// signIn is how a Binding says that somebody signs in to a server.
type signIn struct {
	b         map[string]string // type, host, port, username, password
	at        string            // host:port
	authority string            // a file; empty where the system's are believed
	config    *tls.Config       // nil for a server that speaks no TLS
}

// signingIn reads a Binding.
func signingIn(g given, binding string) (signIn, error) {
	s := signIn{b: map[string]string{}, authority: path.Join(binding, "ca.crt")}
	for _, key := range []string{"type", "host", "port", "username", "password"} {
		raw, err := g.file(path.Join(binding, key))
		if err != nil {
			return s, err
		}
		s.b[key] = string(raw)
	}
	if raw, err := g.file(s.authority); err != nil || len(raw) == 0 {
		s.authority = ""
	}
	var err error
	if s.config, err = g.trust(s.authority); err != nil {
		return s, err
	}
	s.config.ServerName, s.at = s.b["host"], net.JoinHostPort(s.b["host"], s.b["port"])
	return s, nil
}

// unspoken is that nobody here speaks to an engine.
func unspoken(b map[string]string) error {
	return &trouble{what: fmt.Sprintf("the Binding is of type %s, which this probe does not speak", b["type"]), look: "the Binding's type"}
}

// inDatabase proves an engine that has databases by the one that the Binding names.
func (d *Database) inDatabase(ctx context.Context, g given, b map[string]string, at string, config *tls.Config) (string, error) {
	raw, err := g.file(path.Join(d.Binding, "database"))
	if err != nil {
		return "", err
	}
	database := string(raw)
	switch b["type"] {
	case "postgresql":
		return d.row(ctx, b, database, at, config)
	case "mysql":
		return d.table(ctx, b, database, at, config)
	}
	hosts := []string{at}
	if d.Address == "" {
		if hosts, err = led(ctx, g, d.Binding, b, at, config); err != nil {
			return "", err
		}
	}
	return d.collection(ctx, b, database, hosts, config)
}

// answered is what is proven of a server that was only asked.
func answered(engine string, b map[string]string) string {
	if b["username"] == "" {
		return fmt.Sprintf("%s let the app in and answered; nothing was written", engine)
	}
	return fmt.Sprintf("%s let %s in and answered; nothing was written", engine, b["username"])
}

// row makes a table in PostgreSQL, writes a row, reads it again, and takes all of it back: nobody else ever sees it.
func (d *Database) row(ctx context.Context, b map[string]string, database, at string, config *tls.Config) (string, error) {
	conn, err := postgres(ctx, b, database, at, config)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to be lost
	word := unique()
	statement := fmt.Sprintf("BEGIN; CREATE TABLE %s (word text); INSERT INTO %s VALUES ('%s'); SELECT word FROM %s; ROLLBACK", word, word, word, word)
	if d.Ask {
		statement = fmt.Sprintf("SELECT '%s'", word)
	}
	results, err := conn.Exec(ctx, statement).ReadAll()
	if err != nil {
		return "", toldOf("PostgreSQL", err, b["username"])
	}
	for _, r := range results {
		if len(r.Rows) == 1 && len(r.Rows[0]) == 1 && string(r.Rows[0][0]) == word {
			if d.Ask {
				return answered("PostgreSQL", b), nil
			}
			return fmt.Sprintf("a row was written to the database %s as %s, and read again", database, b["username"]), nil
		}
	}
	return "", &trouble{what: "PostgreSQL took a row and does not show it again", look: "its logs"}
}

// postgres signs in to a database of PostgreSQL's.
func postgres(ctx context.Context, b map[string]string, database, at string, config *tls.Config) (*pgconn.PgConn, error) {
	host, text, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, &trouble{what: fmt.Sprintf("the Binding's port is %q", text), look: "the Binding's Secret"}
	}
	c, err := pgconn.ParseConfig("host=127.0.0.1 sslmode=disable") // all that counts is said below
	if err != nil {
		return nil, err
	}
	c.Host, c.Port, c.Database, c.User, c.Password, c.TLSConfig, c.Fallbacks = host, uint16(port), database, b["username"], b["password"], config, nil
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, toldOf("PostgreSQL", err, b["username"])
	}
	return conn, nil
}

// toldOf says what an error of a database's means. It never has the password in it.
func toldOf(engine string, err error, user string) error {
	if told := untrusted(engine, err); told != nil {
		return told
	}
	t := &trouble{what: engine + " does not answer", look: "whether the database is online, and its firewall", cause: err}
	for _, says := range []func(error) (message string, user, rights, ok bool){postgresSays, mysqlSays, mongoSays} {
		message, who, rights, ok := says(err)
		if !ok {
			continue
		}
		t.cause = errors.New(message)
		switch {
		case who:
			t.what, t.look = fmt.Sprintf("%s refuses the user %s and the password of the Binding", engine, user), "the Binding's Secret; `k8or up` writes what its cloud says"
		case rights:
			t.what, t.look = fmt.Sprintf("%s does not let %s %s", engine, user, writing[engine].what), "the rights that the user was given"+writing[engine].look
		default:
			t.what, t.look = engine+" refuses", "its logs"
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.look += "; within the time there was no answer, which a firewall looks like too"
	}
	return t
}

// writing is what somebody without rights could not do, and where rights are given.
var writing = map[string]struct{ what, look string }{"PostgreSQL": {"make a table", ": the Job `grants`"}, "MySQL": {"make a table", ": the Job `grants`"}, "MongoDB": {"write a document", ""}}

// postgresSays tells PostgreSQL's errors that are about who signs in, and about what they may do.
func postgresSays(err error) (message string, user, rights, ok bool) {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return "", false, false, false
	}
	return e.Message, strings.HasPrefix(e.Code, "28"), strings.HasPrefix(e.Code, "42"), true
}

// key sets a key of Valkey for a minute, reads it again and deletes it. Its protocol is lines and lengths.
func (d *Database) key(ctx context.Context, b map[string]string, at string, config *tls.Config) (string, error) {
	dial := new(net.Dialer).DialContext
	if config != nil {
		dial = (&tls.Dialer{Config: config}).DialContext
	}
	conn, err := dial(ctx, "tcp", at)
	if err != nil {
		return "", toldOf("Valkey", err, b["username"])
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() }) //nolint:errcheck // it only ends what waits
	defer stop()
	in := bufio.NewReader(conn)
	say := func(words ...string) (string, error) {
		var line strings.Builder
		fmt.Fprintf(&line, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&line, "$%d\r\n%s\r\n", len(w), w)
		}
		if _, err := io.WriteString(conn, line.String()); err != nil {
			return "", err
		}
		return reply(in)
	}
	signIn := []string{"AUTH", b["username"], b["password"]}
	if b["username"] == "" {
		signIn = []string{"AUTH", b["password"]}
	}
	if _, err := say(signIn...); err != nil {
		if refused, ok := errors.AsType[refusal](err); ok {
			return "", &trouble{what: fmt.Sprintf("Valkey refuses the user %s and the password of the Binding", b["username"]), look: "the Binding's Secret; `k8or up` writes what its cloud says", cause: refused}
		}
		return "", toldOf("Valkey", err, b["username"])
	}
	if d.Ask {
		if got, err := say("PING"); err != nil || got != "PONG" {
			return "", &trouble{what: "Valkey does not take PING", look: "its logs", cause: err}
		}
		return answered("Valkey", b), nil
	}
	name, word := "k8or:probe:"+unique(), unique()
	for _, words := range [][]string{{"SET", name, word, "EX", "60"}, {"GET", name}, {"DEL", name}} {
		got, err := say(words...)
		if err != nil {
			return "", &trouble{what: "Valkey does not take " + words[0], look: "its memory and eviction policy", cause: err}
		}
		if words[0] == "GET" && got != word {
			return "", &trouble{what: "Valkey took a key and does not show it again", look: "its memory and eviction policy"}
		}
	}
	return fmt.Sprintf("a key was set as %s, read again and deleted", b["username"]), nil
}

// refusal is an error that Valkey says itself.
type refusal string

func (r refusal) Error() string { return string(r) }

// reply reads one answer: a line, a number or a text.
func reply(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("it answers with nothing")
	}
	switch line[0] {
	case '+', ':':
		return line[1:], nil
	case '-':
		return "", refusal(line[1:])
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n > 1<<16 {
			return "", fmt.Errorf("it answers with a text of length %q", line[1:])
		}
		if n < 0 {
			return "", nil
		}
		text := make([]byte, n+2)
		_, err = io.ReadFull(in, text)
		return string(text[:n]), err
	default:
		return "", fmt.Errorf("it does not speak its protocol: it begins with %q", line[:1])
	}
}
