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
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// Etcd is a running member.
type Etcd struct {
	// Endpoint is what the API server is told.
	Endpoint string

	member *embed.Etcd
	// temporary is a folder to remove at the end, when the sockets had to be elsewhere than beside the data.
	temporary string
}

// socketLength is how many bytes a socket's path may have: 104 on macOS, 108 on Linux, with the closing zero.
const socketLength = 103

// Start brings the member up on the data in dir, making them when there are none, and returns once it serves. The files
// are written without fsync: what the cluster was told survives this process's death, but not the machine's. It sets
// the size of etcd's log segments for the whole process.
func Start(ctx context.Context, dir string) (*Etcd, error) {
	etcd := &Etcd{}
	sockets, err := etcd.socketFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("make folder for etcd's sockets: %w", err)
	}
	client := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "client")}
	peer := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "peer")}
	etcd.Endpoint = client.String()
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
	// A lone member waits for an election before it leads; there is nobody to be polite to.
	config.TickMs = 20
	config.ElectionMs = 100
	config.SnapshotCount = 2000
	wal.SegmentSizeBytes = 4 << 20 // two are reserved at the start, of 64 MB each if left alone

	if etcd.member, err = embed.StartEtcd(config); err != nil {
		etcd.removeTemporary()
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

// Close ends the member; the data stay.
func (e *Etcd) Close() {
	e.member.Close()
	e.removeTemporary()
}

// socketFolder is a folder that only this user can enter and whose sockets' paths are short enough.
func (e *Etcd) socketFolder(dir string) (string, error) {
	beside := filepath.Join(dir, "sockets")
	if len(filepath.Join(beside, "client")) <= socketLength {
		return beside, os.MkdirAll(beside, 0o700)
	}
	var err error
	e.temporary, err = os.MkdirTemp("", "k8or-cp-")
	return e.temporary, err
}

// removeTemporary leaves nothing in the temporary folder. A folder that cannot be removed harms nobody.
func (e *Etcd) removeTemporary() {
	if e.temporary != "" {
		_ = os.RemoveAll(e.temporary)
	}
}
