// SPDX-License-Identifier: Apache-2.0

package database

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// port is one listener: a cluster as one source sees it.
type port struct {
	runtime  *Runtime
	key      portKey
	listener net.Listener

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

func (p *port) view(serves string) Port {
	return Port{Cluster: p.key.cluster, Source: p.key.source, Pool: p.key.pool, Address: p.listener.Addr().String(), Serves: serves}
}

// serve accepts until the port is closed.
func (p *port) serve() {
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(c) {
			c.Close()
			return
		}
		wait.Go(func() {
			defer p.drop(c)
			p.answer(c)
		})
	}
}

func (p *port) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *port) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// close ends the listener and every connection through it.
func (p *port) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.open {
		c.Close()
	}
}

// patience is how long a client may take to say who it is, in the machine's time.
const patience = 30 * time.Second

// answer lets a connection in or turns it away, and serves it.
func (p *port) answer(c net.Conn) {
	cloud := p.runtime.options.Cloud
	spec, err := cloud.DatabaseServer(p.key.cluster)
	if err != nil || !spec.Online || cloud.DatabaseAdmits(p.key.cluster, p.key.source) != nil {
		return
	}
	c.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // it fails on a closed connection alone, which reading finds
	secure := func() (*tls.Conn, error) {
		cert, key, err := cloud.DatabaseCertificate(spec.ID, spec.Hosts)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			return nil, err
		}
		t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
		return t, t.Handshake()
	}
	switch {
	case isPostgres(spec):
		front{p, spec, secure}.serve(c)
	case isMySQL(spec) && p.runtime.mysql != nil:
		mysqlFront{p.runtime, spec, secure}.serve(c)
	default:
		admit(c, spec.Engine, secure)
	}
}
