// SPDX-License-Identifier: Apache-2.0

// Package apiserver builds Kubernetes' own API server for one simulated cluster: the upstream server chain, with four
// things changed from outside. It accepts the sandbox's tokens, shows the cluster's release under /version, answers for
// aggregated APIs whose Service no process stands behind, and says at once that a simulated node cannot be dialled.
package apiserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/authentication/request/union"
	"k8s.io/apiserver/pkg/server/egressselector"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/k8or/k8or/sandbox/controlplane/internal/aggregated"
	"github.com/k8or/k8or/sandbox/controlplane/internal/pki"
	"github.com/k8or/k8or/sandbox/controlplane/internal/release"
)

// Config is what an API server needs to know.
type Config struct {
	Release       release.Release
	Listener      net.Listener // where it serves; the server closes it
	ServiceSubnet string       // CIDR
	Etcd          string       // endpoint
	Files         pki.Files
	TokenKey      []byte // verifies the sandbox's tokens
}

// Server is an API server that is ready to run.
type Server struct {
	// Loopback is a client configuration with every right, over TLS to the server itself.
	Loopback *rest.Config
	run      func(context.Context) error
}

// New builds the server and runs nothing but the answering side of aggregated APIs, which ends with ctx. One process can
// hold one server: Kubernetes keeps its emulated version and its metrics in package variables.
func New(ctx context.Context, config Config) (*Server, error) {
	completed, err := complete(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("set API server options: %w", err)
	}
	server, err := app.NewConfig(completed)
	if err != nil {
		return nil, fmt.Errorf("configure API server: %w", err)
	}
	if err := config.change(ctx, server); err != nil {
		return nil, err
	}
	built, err := server.Complete()
	if err != nil {
		return nil, fmt.Errorf("complete API server: %w", err)
	}
	chain, err := app.CreateServerChain(built)
	if err != nil {
		return nil, fmt.Errorf("build API server: %w", err)
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return nil, fmt.Errorf("prepare API server: %w", err)
	}
	return &Server{Loopback: server.KubeAPIs.ControlPlane.Generic.LoopbackClientConfig, run: prepared.Run}, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error { return s.run(ctx) }

func complete(ctx context.Context, config Config) (options.CompletedOptions, error) {
	opts := options.NewServerRunOptions()
	sets := opts.Flags()
	for _, set := range sets.FlagSets {
		for name, value := range config.flags() {
			if set.Lookup(name) == nil {
				continue
			}
			if err := set.Set(name, value); err != nil {
				return options.CompletedOptions{}, fmt.Errorf("--%s=%s: %w", name, value, err)
			}
		}
	}
	if err := opts.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return options.CompletedOptions{}, err
	}
	opts.SecureServing.Listener = config.Listener
	var err error
	if opts.InformerName, err = cache.NewInformerName("kube-apiserver"); err != nil {
		return options.CompletedOptions{}, err
	}
	completed, err := opts.Complete(ctx)
	if err != nil {
		return options.CompletedOptions{}, err
	}
	return completed, utilerrors.NewAggregate(completed.Validate())
}

// flags are kube-apiserver's, by name. What is left out keeps Kubernetes' default.
func (c Config) flags() map[string]string {
	address := c.Listener.Addr().(*net.TCPAddr)
	return map[string]string{
		"emulated-version":         "kube=" + c.Release.Minor(),
		"etcd-servers":             c.Etcd,
		"bind-address":             address.IP.String(),
		"secure-port":              strconv.Itoa(address.Port),
		"advertise-address":        address.IP.String(),
		"endpoint-reconciler-type": "none", // an Endpoints object may not hold a loopback address
		"tls-cert-file":            c.Files.ServingCert,
		"tls-private-key-file":     c.Files.ServingKey,
		"service-cluster-ip-range": c.ServiceSubnet,

		"service-account-issuer":           "https://kubernetes.default.svc.cluster.local",
		"service-account-key-file":         c.Files.ServiceAccountKey,
		"service-account-signing-key-file": c.Files.ServiceAccountKey,

		"authorization-mode": "RBAC",
		"allow-privileged":   "true",
		// Their webhooks live in pods, and the pods here have no processes that could answer.
		"disable-admission-plugins": "MutatingAdmissionWebhook,ValidatingAdmissionWebhook",

		"profiling":                    "false",
		"enable-priority-and-fairness": "false", // one user; fewer goroutines and objects
		"event-ttl":                    "30m",
	}
}

// change is where this server departs from upstream's.
func (c Config) change(ctx context.Context, server *app.Config) error {
	generic := server.KubeAPIs.ControlPlane.Generic

	// The three servers of the chain were given copies of one configuration; all must know the same users. The chain's
	// front is the aggregator, and token reviews are answered by the one in the middle.
	users := union.NewFailOnError(newTokens(c.TokenKey, generic.Authentication.APIAudiences), generic.Authentication.Authenticator)
	generic.Authentication.Authenticator = users
	server.ApiExtensions.GenericConfig.Authentication.Authenticator = users
	server.Aggregator.GenericConfig.Authentication.Authenticator = users

	front := &server.Aggregator.GenericConfig.Config
	front.BuildHandlerChainFunc = showRelease(c.Release, front.BuildHandlerChainFunc)

	certificate, err := servingCertificate(c.Files)
	if err != nil {
		return err
	}
	backend := aggregated.Serve(ctx, certificate)
	server.Aggregator.ExtraConfig.ServiceResolver = backend
	server.Aggregator.ExtraConfig.ProxyTransport = &http.Transport{DialContext: backend.DialContext}

	// Conversion webhooks, kubelets (logs, exec) and the proxy to Services and pods would all dial simulated addresses.
	server.ApiExtensions.ExtraConfig.ServiceResolver = unreachable{}
	server.KubeAPIs.Extra.KubeletClientConfig.Lookup = func(egressselector.NetworkContext) (utilnet.DialFunc, error) {
		return refuse, nil
	}
	server.KubeAPIs.ControlPlane.ProxyTransport = &http.Transport{DialContext: refuse}
	return nil
}

func servingCertificate(files pki.Files) (tls.Certificate, error) {
	cert, err := os.ReadFile(files.ServingCert)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read serving certificate: %w", err)
	}
	key, err := os.ReadFile(files.ServingKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read serving key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("serving certificate %s and its key: %w", files.ServingCert, err)
	}
	return pair, nil
}
