// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

// inMemory is a cluster without a process, and a client that looks into it.
func inMemory(t *testing.T) (*kube.Cluster, client.Client) {
	t.Helper()
	server := memkube.New(memkube.Options{})
	c := kube.New(kube.Options{Platform: "shop-x7k2p9", Transport: wire.Transport(server), Credentials: func(context.Context) (kube.Credentials, error) {
		return kube.Credentials{Server: "https://memkube.invalid", Token: "none", Expires: time.Now().Add(time.Hour)}, nil
	}})
	direct, err := c.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c, direct
}

func TestADerivedSecretWaitsForItsSourceAndIsThenKept(t *testing.T) {
	t.Parallel()
	c, direct := inMemory(t)
	salted := func(fields map[string][]byte, have []byte) ([]byte, error) {
		if bytes.HasPrefix(have, append([]byte("salt1:"), fields["password"]...)) {
			return have, nil
		}
		return append([]byte("salt1:"), fields["password"]...), nil
	}
	set := kube.Set{Name: "binding", Namespace: "default", Derived: []kube.Derived{{Name: "events", Fields: []kube.Field{
		{Key: "host", Text: "broker.example.com"},
		{Key: "password", Random: 24},
		{Key: "ca", From: &kube.SecretKey{Namespace: "default", Name: "made-by-an-operator", Key: "ca.crt"}},
		{Key: "extra", Text: "x", Unwritten: true},
		{Key: "hash", Compute: salted},
	}}}}
	view, err := c.Look(t.Context(), set)
	if err != nil || len(view.Changes) != 1 || !strings.Contains(view.Changes[0].Note, "made-by-an-operator") {
		t.Fatalf("before its source is there, a look shows %v, %v", view.Changes, err)
	}
	applied, err := c.Apply(t.Context(), set)
	if err != nil || applied.Done || !strings.Contains(applied.Waiting, "default/made-by-an-operator/ca.crt is not there yet") {
		t.Fatalf("apply gave %+v, %v, want it to wait for the source", applied, err)
	}
	source := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "made-by-an-operator"}, Data: map[string][]byte{"ca.crt": []byte("CERT")}}
	if err := direct.Create(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	if applied, err = c.Apply(t.Context(), set); err != nil || !applied.Done {
		t.Fatalf("apply gave %+v, %v, want it done once the source is there", applied, err)
	}
	read := func() map[string][]byte {
		var s corev1.Secret
		if err := direct.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "events"}, &s); err != nil {
			t.Fatal(err)
		}
		return s.Data
	}
	first := read()
	if len(first) != 4 || len(first["password"]) != 24 || string(first["ca"]) != "CERT" || string(first["hash"]) != "salt1:"+string(first["password"]) {
		t.Errorf("the Secret has %d keys, a password of %d characters, ca %q", len(first), len(first["password"]), first["ca"])
	}
	if view, err = c.Look(t.Context(), set); err != nil || len(view.Changes) != 0 || view.Status.State != kube.Ready {
		t.Errorf("a second look shows %v, %v, %v, want nothing to do", view.Changes, view.Status.Message, err)
	}
	source.Data["ca.crt"] = []byte("RENEWED")
	if err := direct.Update(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	view, err = c.Look(t.Context(), set)
	if err != nil || len(view.Changes) != 1 || strings.Contains(lines(view.Changes), "RENEWED") {
		t.Errorf("after the source was renewed a look shows %v, %v, want one change that hides its value", lines(view.Changes), err)
	}
	if applied, err = c.Apply(t.Context(), set); err != nil || !applied.Done {
		t.Fatalf("apply gave %+v, %v", applied, err)
	}
	if second := read(); string(second["ca"]) != "RENEWED" || !bytes.Equal(second["password"], first["password"]) {
		t.Errorf("after renewal ca is %q, and the password stayed: %v", second["ca"], bytes.Equal(second["password"], first["password"]))
	}
	if err := direct.Delete(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	view, err = c.Look(t.Context(), set)
	if err != nil || len(view.Changes) != 0 || view.Status.State != kube.InProgress {
		t.Errorf("without its source a standing Secret shows %v, %v, %v, want it left as it is and the loss said", lines(view.Changes), view.Status, err)
	}
	if _, err := c.Prune(t.Context(), set, nil); err != nil || string(read()["ca"]) != "RENEWED" {
		t.Errorf("prune took a wanted Secret away: %v", err)
	}
}
