// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	//lint:ignore SA1019 client-go's port-forward takes and gives these types still
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// PodsBelow are the pods that belong to a set: those whose owners, or whose owners' owners, are of it.
func (c *Cluster) PodsBelow(ctx context.Context, set Set) ([]corev1.Pod, error) {
	below, err := c.below(ctx, set)
	if err != nil {
		return nil, err
	}
	return below.pods, nil
}

// LogOptions say which lines of a container's are read.
type LogOptions struct {
	Follow bool
	// Tail is how many of the last lines come first.
	Tail int
}

// Logs hands every line that a container writes to the given function, until they end or, following, until the context
// does.
func (c *Cluster) Logs(ctx context.Context, namespace, pod, container string, o LogOptions, line func(string)) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	query := url.Values{"container": {container}, "follow": {strconv.FormatBool(o.Follow)}, "tailLines": {strconv.Itoa(o.Tail)}}
	address := fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s/log?%s", strings.TrimRight(conn.config.Host, "/"), namespace, pod, query.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: c.bearer}).Do(req) // without a limit: lines may be far between
	if err != nil {
		return fmt.Errorf("read the logs of %s/%s: %w", namespace, pod, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) //nolint:errcheck // it only explains
		return fmt.Errorf("read the logs of %s/%s: the cluster answers %d: %s", namespace, pod, resp.StatusCode, strings.TrimSpace(string(text)))
	}
	lines := bufio.NewReader(resp.Body)
	for {
		text, err := lines.ReadString('\n')
		if text != "" {
			line(strings.TrimRight(text, "\r\n"))
		}
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("read the logs of %s/%s: %w", namespace, pod, err)
		}
	}
}

// ErrNoPod says that no ready pod stands behind a Service, so that nothing can be forwarded to it.
var ErrNoPod = errors.New("no ready pod")

// Forward hands connections to a port of this machine on to a ready pod behind a Service, until the context ends. Local 0
// takes a free port; ready is told which it is once connections are taken, on the loopback address alone.
func (c *Cluster) Forward(ctx context.Context, s ServicePort, local int, ready func(port int)) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	pod, port, err := conn.behind(ctx, s)
	if err != nil {
		return err
	}
	dialer, err := c.dialer(ctx, pod)
	if err != nil {
		return err
	}
	begun, stop := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("%d:%d", local, port)}, stop, begun, io.Discard, io.Discard)
	if err != nil {
		return fmt.Errorf("forward to %s: %w", s, err)
	}
	over := make(chan error, 1)
	go func() { over <- forwarder.ForwardPorts() }()
	defer close(stop)
	for {
		select {
		case <-begun:
			begun = nil
			ports, err := forwarder.GetPorts()
			if err != nil {
				return fmt.Errorf("forward to %s: %w", s, err)
			}
			ready(int(ports[0].Local))
		case err := <-over:
			if err != nil {
				return fmt.Errorf("forward to pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
			return fmt.Errorf("forward to pod %s/%s: the connection ended", pod.Namespace, pod.Name)
		case <-ctx.Done():
			return nil
		}
	}
}

// behind is a ready pod behind a Service, and its port that the Service's leads to.
func (conn *connection) behind(ctx context.Context, s ServicePort) (*corev1.Pod, int, error) {
	var service corev1.Service
	if err := conn.client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.Name}, &service); err != nil {
		return nil, 0, fmt.Errorf("read Service %s: %w", s, err)
	}
	i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return int(p.Port) == s.Port })
	if i < 0 {
		return nil, 0, fmt.Errorf("the Service %s has no port %d", s, s.Port)
	}
	pods, err := conn.podsOf(ctx, s.Namespace, service.Spec.Selector)
	if err != nil {
		return nil, 0, err
	}
	for i2 := range pods {
		pod := &pods[i2]
		if len(service.Spec.Selector) == 0 || pod.DeletionTimestamp != nil || !isReady(pod) {
			continue
		}
		target := service.Spec.Ports[i].TargetPort
		if name := target.StrVal; name != "" {
			for _, container := range pod.Spec.Containers {
				for _, p := range container.Ports {
					if p.Name == name {
						return pod, int(p.ContainerPort), nil
					}
				}
			}
			return nil, 0, fmt.Errorf("pod %s/%s has no port called %s", pod.Namespace, pod.Name, name)
		}
		if target.IntVal != 0 {
			return pod, int(target.IntVal), nil
		}
		return pod, s.Port, nil
	}
	return nil, 0, fmt.Errorf("the Service %s: %w", s, ErrNoPod)
}

// dialer opens streams to a pod: over WebSocket, or where a server or a proxy in between does not speak that, over SPDY, as
// kubectl does. Streams cannot go through the transport of other requests, so they have a configuration of their own.
func (c *Cluster) dialer(ctx context.Context, pod *corev1.Pod) (httpstream.Dialer, error) {
	credentials, err := c.bearer.fresh(ctx, "")
	if err != nil {
		return nil, err
	}
	config := &rest.Config{Host: credentials.Server, BearerToken: credentials.Token, UserAgent: FieldManager, TLSClientConfig: rest.TLSClientConfig{CAData: credentials.CAData}}
	address, err := url.Parse(fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s/portforward", strings.TrimRight(credentials.Server, "/"), pod.Namespace, pod.Name))
	if err != nil {
		return nil, err
	}
	round, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", credentials.Server, err)
	}
	old := spdy.NewDialer(upgrader, &http.Client{Transport: round}, http.MethodPost, address)
	socket, err := portforward.NewSPDYOverWebsocketDialer(address, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", credentials.Server, err)
	}
	return portforward.NewFallbackDialer(socket, old, func(err error) bool { return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err) }), nil
}

// objectsOf are a set's objects as the cluster has them, with those whose data come to be there.
func objectsOf(sights []*sight) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, s := range sights {
		if s.live != nil {
			out = append(out, s.live)
		}
	}
	return out
}
