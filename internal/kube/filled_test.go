// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

func filled(data map[string]secret.Text) *Filled {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
	o.SetNamespace("apps")
	o.SetName("web.databases.orders")
	return NewKinds(KindsOptions{Platform: "shop-x7k2p9"}).Filled(graph.Known(Access{}), Set{Name: "web", Objects: []*unstructured.Unstructured{o}}, graph.Known(data))
}

func TestAFilledSecretTellsWhichKeysDifferAndNeverHow(t *testing.T) {
	t.Parallel()
	f := filled(map[string]secret.Text{"password": secret.New("canary-new"), "host": secret.New("db"), "uri": {}, "port": secret.New("25060")})
	have := graph.Observed[Output]{State: graph.Ready, Out: Output{held: map[string]secret.Text{"password": secret.New("canary-old"), "host": secret.New("db"), "uri": secret.New("canary-uri"), "stale": secret.New("canary-stale")}}}
	var paths []string
	for _, c := range f.Diff(graph.NewCall(), have) {
		paths = append(paths, strings.TrimPrefix(c.Path, "Secret apps/web.databases.orders data."))
		if text := fmt.Sprintf("%+v", c); strings.Contains(text, "canary") {
			t.Errorf("a change shows a secret: %s", text)
		}
	}
	if got := strings.Join(paths, " "); got != "password port stale" { // uri is shown by nobody any more: what is held stays
		t.Errorf("the plan tells of %q, want password, port and stale", got)
	}
}

func TestAFilledSecretIsNotWrittenWithoutWhatNobodyShows(t *testing.T) {
	t.Parallel()
	_, err := filled(map[string]secret.Text{"password": {}}).Create(t.Context(), graph.NewCall())
	if err == nil || !graph.IsPermanent(err) || !strings.Contains(err.Error(), "password of the Secret apps/web.databases.orders") {
		t.Errorf("a Secret without its password is written: %v", err)
	}
}

func TestWhatOneUserHeldIsNotKeptForAnother(t *testing.T) {
	t.Parallel()
	f := filled(map[string]secret.Text{"username": secret.New("k8or-web_2"), "password": {}})
	held := map[string]secret.Text{"username": secret.New("k8or-web"), "password": secret.New("canary-old")}
	var paths []string
	for _, c := range f.Diff(graph.NewCall(), graph.Observed[Output]{State: graph.Ready, Out: Output{held: held}}) {
		paths = append(paths, strings.TrimPrefix(c.Path, "Secret apps/web.databases.orders data."))
	}
	if got := strings.Join(paths, " "); got != "password username" {
		t.Errorf("the plan tells of %q, want password and username", got)
	}
	_, err := f.Update(t.Context(), graph.NewCall(), graph.Observed[Output]{Out: Output{held: held}}, nil)
	if err == nil || !strings.Contains(err.Error(), "password of the Secret") {
		t.Errorf("the password of one user is written for another: %v", err)
	}
	lost := errors.New("asked for another password")
	f.Again = graph.Known[Again](func(context.Context, map[string]secret.Text) (map[string]secret.Text, error) { return nil, lost })
	if _, err := f.Update(t.Context(), graph.NewCall(), graph.Observed[Output]{Out: Output{held: held}}, nil); !errors.Is(err, lost) {
		t.Errorf("where the cloud can make another password, it is not asked to: %v", err)
	}
}

func TestWhatASecretLacksIsMadeOfWhatItHolds(t *testing.T) {
	t.Parallel()
	f := filled(map[string]secret.Text{"username": secret.New("k8or-web"), "password": {}, "pool-web-uri": {}})
	held := map[string]secret.Text{"username": secret.New("k8or-web"), "password": secret.New("canary-held")}
	var given secret.Text
	enough := errors.New("asked")
	f.Again = graph.Known[Again](func(_ context.Context, held map[string]secret.Text) (map[string]secret.Text, error) {
		given = held["password"]
		return nil, enough
	})
	if _, err := f.Update(t.Context(), graph.NewCall(), graph.Observed[Output]{Out: Output{held: held}}, nil); !errors.Is(err, enough) || given != held["password"] {
		t.Errorf("a key more is made without the password that the Secret holds, which another one would make void: %v", err)
	}
}
