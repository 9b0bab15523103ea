// SPDX-License-Identifier: Apache-2.0

package database

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
)

// front is what a PostgreSQL client meets: TLS by the account's CA, then its session with the server behind.
type front struct {
	port   *port
	spec   digitalocean.DatabaseServer
	secure func() (*tls.Conn, error)
}

// serve goes through the start of a session and then passes bytes both ways.
func (f front) serve(c net.Conn) {
	client, code, rest, err := f.begin(c)
	if err != nil {
		return
	}
	if code == cancelRequest {
		f.cancel(rest)
		return
	}
	if code>>16 != 3 {
		client.Write(fatal("0A000", "unsupported frontend protocol")) //nolint:errcheck // the client went away
		return
	}
	if client == c {
		client.Write(fatal("28000", "no pg_hba.conf entry for this host, no encryption")) //nolint:errcheck // the client went away
		return
	}
	if refused := f.session(client, parameters(rest)); refused != nil {
		client.Write(refused) //nolint:errcheck // the client went away
	}
	client.Close()
}

// begin reads starts until one asks for a session or a cancellation, and turns TLS on when asked to.
func (f front) begin(c net.Conn) (client net.Conn, code uint32, rest []byte, err error) {
	client = c
	for {
		if code, rest, err = readStart(client); err != nil {
			return nil, 0, nil, err
		}
		switch {
		case code == gssRequest:
			_, err = client.Write([]byte{'N'})
		case code == sslRequest && client == c:
			if _, err = c.Write([]byte{'S'}); err == nil {
				client, err = f.secure()
			}
		default:
			return client, code, rest, nil
		}
		if err != nil {
			return nil, 0, nil, err
		}
	}
}

// session joins a client with the server; what it returns, if anything, is the answer that refuses it.
func (f front) session(client net.Conn, asked [][2]string) []byte {
	r := f.port.runtime
	if r.postgres == nil {
		return fatal("57P03", "this PostgreSQL cluster is simulated: the machine has no PostgreSQL to stand behind it")
	}
	user, database := value(asked, "user"), value(asked, "database")
	if database == "" {
		database = user
	}
	if user == superuser {
		return fatal("28000", fmt.Sprintf("role %q is not permitted to log in", user))
	}
	s, err := r.server(f.spec)
	if err != nil {
		r.options.Log("database cluster %s: %v", f.spec.Name, err)
		return fatal("57P03", "the database server could not be started; the sandbox's log has the reason")
	}
	if f.port.key.pool {
		pool := slices.IndexFunc(f.spec.Pools, func(p digitalocean.DatabasePool) bool { return p.Name == database })
		if pool < 0 {
			return fatal("3D000", "no such database: "+database)
		}
		p := f.spec.Pools[pool]
		if p.User != "" && p.User != user {
			return fatal("28000", fmt.Sprintf("pool %s is for the user %s", p.Name, p.User))
		}
		asked = with(asked, "database", p.Database)
		ctx, stop := context.WithTimeout(context.Background(), patience)
		release, err := s.take(ctx, p)
		stop()
		if err != nil {
			return fatal("08004", "all "+fmt.Sprint(p.Size)+" connections of pool "+p.Name+" are taken")
		}
		defer release()
	}
	if f.spec.CopyOf != "" {
		asked = with(asked, "default_transaction_read_only", "on")
	}
	socket, err := s.ready(context.Background())
	if err != nil {
		r.options.Log("database cluster %s: %v", f.spec.Name, err)
		return fatal("57P03", "the database server could not be started; the sandbox's log has the reason")
	}
	server, err := net.Dial("unix", socket)
	if err != nil {
		return fatal("57P03", "the database server is not running")
	}
	defer server.Close()
	if _, err := server.Write(start(protocolVersion, encode(asked))); err != nil {
		return nil
	}
	join(client, server)
	return nil
}

// join passes bytes both ways until either side ends.
func join(client, server net.Conn) {
	client.SetDeadline(time.Time{}) //nolint:errcheck // reading finds out
	var both sync.WaitGroup
	both.Go(func() {
		io.Copy(server, client) //nolint:errcheck // either side may end it
		server.Close()
	})
	io.Copy(client, server) //nolint:errcheck // either side may end it
	client.Close()
	both.Wait()
}

// cancel passes a cancellation on; as in life nothing is answered.
func (f front) cancel(rest []byte) {
	r := f.port.runtime
	if r.postgres == nil {
		return
	}
	s, err := r.server(f.spec)
	if err != nil {
		return
	}
	socket, err := s.ready(context.Background())
	if err != nil {
		return
	}
	if c, err := net.Dial("unix", socket); err == nil {
		c.Write(start(cancelRequest, rest)) //nolint:errcheck // nothing is answered
		c.Close()
	}
}

func value(all [][2]string, name string) string {
	for _, p := range all {
		if p[0] == name {
			return p[1]
		}
	}
	return ""
}

func with(all [][2]string, name, value string) [][2]string {
	kept := slices.DeleteFunc(slices.Clone(all), func(p [2]string) bool { return p[0] == name })
	return append(kept, [2]string{name, value})
}
