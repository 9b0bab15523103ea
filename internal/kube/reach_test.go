// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/kube/kubetest"
)

func TestOnlyTheClustersOwnNamesAreServices(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]kube.ServicePort{
		"web.apps.svc:8080":               {Namespace: "apps", Name: "web", Port: 8080},
		"web.apps.svc":                    {Namespace: "apps", Name: "web"},
		"web.apps.svc.cluster.local:9092": {Namespace: "apps", Name: "web", Port: 9092},
		"shop.example.com:443":            {},
		"web.apps":                        {},
		"":                                {},
	} {
		if got, ok := kube.ServiceOf(address); got != want || ok != (want != kube.ServicePort{}) {
			t.Errorf("%q is %v, %v; want %v", address, got, ok, want)
		}
	}
}

func TestWhatStandsBehindAServiceIsCounted(t *testing.T) {
	t.Parallel()
	p := kubetest.Start(t)
	ns, c := p.Namespace(t), p.Cluster("shop-x7k2p9")
	direct := p.Client(t)
	place(t, direct, ns, strings.ReplaceAll(behind, "APP", "shop"))
	place(t, direct, ns, "apiVersion: v1\nkind: Service\nmetadata: {name: free}\nspec: {ports: [{port: 80}]}")
	shop := kube.ServicePort{Namespace: ns, Name: "shop", Port: 80}
	if ready, all, there, err := c.Backing(t.Context(), shop); err != nil || !there || ready != 0 || all != 1 {
		t.Errorf("while its pod has no node: %d of %d, %v, %v", ready, all, there, err)
	}
	err := c.Forward(t.Context(), shop, 0, func(int) { t.Error("it forwards to nobody") })
	if !errors.Is(err, kube.ErrNoPod) {
		t.Errorf("forwarding to a Service without a ready pod: %v", err)
	}
	p.Node(t, "node-"+ns, map[string]string{"pool": ns})
	eventually(t, func(ctx context.Context) (string, error) {
		ready, all, _, err := c.Backing(ctx, shop)
		if ready == 1 && all == 1 {
			return "", err
		}
		return fmt.Sprintf("its pod to be ready: %d of %d", ready, all), err
	})
	if _, all, there, err := c.Backing(t.Context(), kube.ServicePort{Namespace: ns, Name: "free"}); err != nil || !there || all != 0 {
		t.Errorf("a Service whose endpoints somebody else writes: %d, %v, %v", all, there, err)
	}
	if _, _, there, err := c.Backing(t.Context(), kube.ServicePort{Namespace: ns, Name: "nowhere"}); err != nil || there {
		t.Errorf("a Service that is not there: %v, %v", there, err)
	}
	for why, s := range map[string]kube.ServicePort{"has no port 8443": {Namespace: ns, Name: "shop", Port: 8443}, "read Service": {Namespace: ns, Name: "nowhere", Port: 80}} {
		if err := c.Forward(t.Context(), s, 0, func(int) { t.Error("it forwards to nobody") }); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("forwarding to %v: %v, want %q", s, err, why)
		}
	}
}

func TestASecretsValueIsReadOrNotThere(t *testing.T) {
	t.Parallel()
	c, direct := inMemory(t)
	place(t, direct, "default", "apiVersion: v1\nkind: Secret\nmetadata: {name: admin}\ndata: {password: aHVudGVyMg==}")
	for key, want := range map[kube.SecretKey]string{
		{Namespace: "default", Name: "admin", Key: "password"}:  "hunter2",
		{Namespace: "default", Name: "admin", Key: "user"}:      "",
		{Namespace: "default", Name: "nobody", Key: "password"}: "",
	} {
		got, there, err := c.SecretValue(t.Context(), key)
		if err != nil || string(got) != want || there != (want != "") {
			t.Errorf("%v is %q, %v, %v", key, got, there, err)
		}
	}
}

// logs is an API server that knows the logs of one pod.
type logs struct {
	asked string
	then  error // how the lines end
}

func (l *logs) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/namespaces/apps/pods/web-1/log") {
		return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("pods \"web-2\" not found\n")), Request: r}, nil
	}
	l.asked = r.URL.RawQuery
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(bytes.NewBufferString("one\r\ntwo\n\nlast without an end"), broken{l.then})), Request: r}, nil
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err == nil {
		return 0, io.EOF
	}
	return 0, b.err
}

func TestLogsComeLineByLine(t *testing.T) {
	t.Parallel()
	cut := errors.New("the connection was cut")
	for why, then := range map[string]error{"to their end": nil, "until the connection is cut": cut} {
		l := &logs{then: then}
		c := kube.New(kube.Options{Platform: "shop-x7k2p9", Transport: l, Credentials: func(context.Context) (kube.Credentials, error) {
			return kube.Credentials{Server: "https://cluster.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
		}})
		var got []string
		err := c.Logs(t.Context(), "apps", "web-1", "web", kube.LogOptions{Follow: true, Tail: 20}, func(line string) { got = append(got, line) })
		if !errors.Is(err, then) || (err == nil) != (then == nil) {
			t.Errorf("%s: %v", why, err)
		}
		if strings.Join(got, "|") != "one|two||last without an end" {
			t.Errorf("%s: the lines are %q", why, got)
		}
		if l.asked != "container=web&follow=true&tailLines=20" {
			t.Errorf("%s: asked for %q", why, l.asked)
		}
		if err := c.Logs(t.Context(), "apps", "web-2", "web", kube.LogOptions{}, nil); err == nil || !strings.Contains(err.Error(), `apps/web-2: the cluster answers 404: pods "web-2" not found`) {
			t.Errorf("a pod that is not there: %v", err)
		}
	}
}
