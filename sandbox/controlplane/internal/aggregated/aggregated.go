// SPDX-License-Identifier: Apache-2.0

// Package aggregated answers for APIs that an APIService says are served by a Service in the cluster (the metrics API is
// the usual one). The pods behind such a Service run no process here, and an API that does not answer would break
// discovery for every client and the deletion of every namespace. So this answers in its place: discovery of an API
// that has no resources, and for metrics.k8s.io/v1beta1 nodes and pods without a single measurement. Everything else
// about an APIService stays real: the Service must exist and have ready endpoints before it reads Available.
package aggregated

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"time"

	"google.golang.org/grpc/test/bufconn"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Backend is where the API server sends requests for aggregated APIs: a TLS server reached over memory, not a port.
type Backend struct{ listener *bufconn.Listener }

// Serve starts a backend that ends with ctx. An APIService with insecureSkipTLSVerify accepts any certificate; one with
// a caBundle cannot be satisfied, and reads FailedDiscoveryCheck.
func Serve(ctx context.Context, certificate tls.Certificate) *Backend {
	backend := &Backend{listener: bufconn.Listen(64 << 10)}
	server := &http.Server{
		Handler:           Handler(),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.ServeTLS(backend.listener, "", "") }() // ends with Close, by the line above
	return backend
}

// ResolveEndpoint leads every Service to this backend.
func (b *Backend) ResolveEndpoint(namespace, name string, _ int32) (*url.URL, error) {
	return &url.URL{Scheme: "https", Host: name + "." + namespace + ".svc:443"}, nil
}

// DialContext connects to the backend, whatever the address.
func (b *Backend) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return b.listener.DialContext(ctx)
}

// Handler is the simulated API.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/{group}/{version}", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusOK, discovery(r.PathValue("group"), r.PathValue("version")))
	})
	const metrics = "/apis/metrics.k8s.io/v1beta1"
	mux.Handle("GET "+metrics+"/nodes", empty("NodeMetricsList"))
	mux.Handle("GET "+metrics+"/pods", empty("PodMetricsList"))
	mux.Handle("GET "+metrics+"/namespaces/{namespace}/pods", empty("PodMetricsList"))
	mux.HandleFunc("GET /openapi/v2", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{
			"swagger": "2.0", "info": map[string]string{"title": "simulated", "version": "v0"}, "paths": map[string]any{},
		})
	})
	mux.HandleFunc("GET /openapi/v3", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{"paths": map[string]any{}})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusNotFound, metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status:   metav1.StatusFailure,
			Reason:   metav1.StatusReasonNotFound,
			Code:     http.StatusNotFound,
			Message:  r.URL.Path + " is simulated: no pod in this cluster runs a process that could answer",
		})
	})
	return mux
}

func discovery(group, version string) metav1.APIResourceList {
	list := metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"},
		GroupVersion: group + "/" + version,
		APIResources: []metav1.APIResource{},
	}
	if list.GroupVersion == "metrics.k8s.io/v1beta1" {
		read := metav1.Verbs{"get", "list"}
		list.APIResources = append(list.APIResources,
			metav1.APIResource{Name: "nodes", Kind: "NodeMetrics", Verbs: read},
			metav1.APIResource{Name: "pods", Kind: "PodMetrics", Verbs: read, Namespaced: true})
	}
	return list
}

func empty(kind string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{
			"apiVersion": "metrics.k8s.io/v1beta1", "kind": kind, "metadata": map[string]any{}, "items": []any{},
		})
	})
}

// write sends value as JSON. A client that is gone is not told, and cannot be.
func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
