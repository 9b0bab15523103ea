// SPDX-License-Identifier: Apache-2.0

// Package serve runs a whole simulated cluster in one process: etcd, API server, controllers, scheduler and the nodes'
// kubelets, in the order in which each needs the one before.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/sandbox/controlplane/internal/apiserver"
	"github.com/k8or/k8or/sandbox/controlplane/internal/controllers"
	"github.com/k8or/k8or/sandbox/controlplane/internal/nodes"
	"github.com/k8or/k8or/sandbox/controlplane/internal/pki"
	"github.com/k8or/k8or/sandbox/controlplane/internal/release"
	"github.com/k8or/k8or/sandbox/controlplane/internal/scheduling"
	"github.com/k8or/k8or/sandbox/controlplane/internal/store"
	"github.com/k8or/k8or/sandbox/controlplane/token"
)

const (
	bootLimit = 2 * time.Minute // a loaded machine is slow; one that takes longer is stuck
	stopLimit = time.Second     // for requests in flight; HTTP/2 would take a second to say goodbye to every idle client
)

// Options say which cluster to serve, and where.
type Options struct {
	Dir           string
	Release       release.Release
	ServiceSubnet string
	ClusterSubnet string
	Listen        string
	Speed         float64
}

// Ready tells how to reach the cluster.
type Ready struct {
	Server    string // URL
	Authority []byte // PEM
}

// Run serves a cluster until ctx ends, and calls ready once, when everything in it works. It returns nil when it ended
// because ctx did.
func Run(ctx context.Context, options Options, ready func(Ready) error) (err error) {
	_, services, err := net.ParseCIDR(options.ServiceSubnet)
	if err != nil {
		return fmt.Errorf("--service-subnet: %w", err)
	}
	if _, _, err := net.ParseCIDR(options.ClusterSubnet); err != nil {
		return fmt.Errorf("--cluster-subnet: %w", err)
	}
	dir, err := open(options.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := dir.admits(options.Release); err != nil {
		return err
	}
	key, err := token.ReadKey(dir.path)
	if err != nil {
		return err
	}
	files, err := pki.Ensure(dir.pki(), first(services))
	if err != nil {
		return err
	}
	authority, err := os.ReadFile(files.Authority)
	if err != nil {
		return fmt.Errorf("read certificate authority: %w", err)
	}
	listener, err := net.Listen("tcp", options.Listen)
	if err != nil {
		return fmt.Errorf("%w (choose another address with --listen; port 0 takes any free one)", err)
	}
	defer listener.Close()
	etcd, err := store.Start(ctx, dir.etcd())
	if err != nil {
		return err
	}
	defer etcd.Close()

	// The server must outlive the controllers' last requests by nothing, but etcd must outlive the server.
	running, stop := context.WithCancel(ctx)
	defer stop()
	server, err := apiserver.New(running, apiserver.Config{
		Release: options.Release, Listener: listener, ServiceSubnet: options.ServiceSubnet,
		Etcd: etcd.Endpoint, Files: files, TokenKey: key,
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(running) }()
	defer func() {
		stop()
		select {
		case <-ended:
		case <-time.After(stopLimit):
		}
	}()

	booted := make(chan error, 1)
	go func() {
		booted <- boot(running, server.Loopback, options, files, authority)
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-etcd.Err():
			return fmt.Errorf("etcd ended: %w", err)
		case err := <-ended:
			ended <- err
			return fmt.Errorf("API server ended: %w", err)
		case err := <-booted:
			if err != nil {
				return unless(ctx, err)
			}
			if err := dir.remember(options.Release); err != nil {
				return err
			}
			if err := ready(Ready{Server: "https://" + listener.Addr().String(), Authority: authority}); err != nil {
				return err
			}
		}
	}
}

// boot starts what needs the API server, and returns once pods could be created and would run.
func boot(ctx context.Context, loopback *rest.Config, options Options, files pki.Files, authority []byte) error {
	unlimited := rest.CopyConfig(loopback)
	unlimited.QPS = -1
	client, err := kubernetes.NewForConfig(unlimited)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	if err := poll(ctx, "the API server to be ready", func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}); err != nil {
		return err
	}
	group, _ := errgroup.WithContext(ctx)
	group.Go(func() error {
		return controllers.Start(ctx, unlimited, controllers.Config{
			Speed: options.Speed, Authority: authority, ServiceAccountKey: files.ServiceAccountKey,
			NodeLease: nodes.LeaseSeconds * time.Second,
		})
	})
	group.Go(func() error { return scheduling.Start(ctx, unlimited) })
	group.Go(func() error { return nodes.Start(ctx, unlimited, options.ClusterSubnet, options.Speed) })
	if err := group.Wait(); err != nil {
		return err
	}
	return poll(ctx, "the default service account", func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

func poll(ctx context.Context, what string, probe func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 25*time.Millisecond, bootLimit, true, func(ctx context.Context) (bool, error) {
		last = probe(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w (%v)", what, err, last)
	}
	return nil
}

// unless is err, or nil when it only says that ctx ended.
func unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// first is the first usable address of a subnet, which Kubernetes gives to its own Service.
func first(subnet *net.IPNet) net.IP {
	ip := append(net.IP(nil), subnet.IP...)
	ip[len(ip)-1]++
	return ip
}
