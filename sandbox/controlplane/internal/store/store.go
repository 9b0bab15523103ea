// SPDX-License-Identifier: Apache-2.0

// Package store runs the etcd that holds a cluster's objects: one member, in this process, on a Unix socket that only
// this user can open.
package store

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// Etcd is a running member.
type Etcd struct {
	// Endpoint is what the API server is told.
	Endpoint string

	member  *embed.Etcd
	sockets string
}

// Start brings the member up on the data in dir, making them when there are none, and returns once it serves. The files
// are written without fsync: what the cluster was told survives this process's death, but not the machine's.
func Start(ctx context.Context, dir string) (*Etcd, error) {
	// A socket's path may have at most about a hundred bytes, which a deep folder passes; the temporary folder is short.
	sockets, err := os.MkdirTemp("", "k8or-cp-")
	if err != nil {
		return nil, fmt.Errorf("make folder for etcd's sockets: %w", err)
	}
	etcd := &Etcd{Endpoint: "unix://" + filepath.Join(sockets, "client"), sockets: sockets}

	client := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "client")}
	peer := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "peer")}
	config := embed.NewConfig()
	config.Name = "sandbox"
	config.Dir = dir
	config.ListenClientUrls = []url.URL{client}
	config.AdvertiseClientUrls = []url.URL{client}
	config.ListenPeerUrls = []url.URL{peer}
	config.AdvertisePeerUrls = []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogLevel = "fatal" // what goes wrong comes back as errors; the rest is about shutting down
	config.LogOutputs = []string{"stderr"}
	config.UnsafeNoFsync = true
	// A lone member waits one election timeout before it leads; there is nobody to be polite to.
	config.TickMs = 10
	config.ElectionMs = 100
	config.SnapshotCount = 2000

	if etcd.member, err = embed.StartEtcd(config); err != nil {
		etcd.removeSockets()
		return nil, fmt.Errorf("start etcd on %s: %w", dir, err)
	}
	select {
	case <-etcd.member.Server.ReadyNotify():
		return etcd, nil
	case err = <-etcd.member.Err():
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(30 * time.Second):
		err = fmt.Errorf("it was not ready within 30 seconds")
	}
	etcd.Close()
	return nil, fmt.Errorf("start etcd on %s: %w", dir, err)
}

// Err yields when the member has died.
func (e *Etcd) Err() <-chan error { return e.member.Err() }

// Close ends the member and removes its sockets; the data stay.
func (e *Etcd) Close() {
	e.member.Close()
	e.removeSockets()
}

// removeSockets leaves nothing in the temporary folder. A folder that cannot be removed harms nobody.
func (e *Etcd) removeSockets() { _ = os.RemoveAll(e.sockets) }
