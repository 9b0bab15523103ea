// SPDX-License-Identifier: Apache-2.0

package kill

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/k8or/k8or/internal/problem"
)

// The tag by which a cluster is known beyond its end goes last, and a volume of it may turn up after that.
func TestWhatTurnsUpWhenAllSeemsGoneIsTold(t *testing.T) {
	t.Parallel()
	doc := read(t, "testdata/before.yaml")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.cloud.Close()
		w.finish(doc, up)
		p, proc, ctx := w.start(doc, kill{})
		var once sync.Once
		proc.watch = func(r *http.Request) {
			if _, cluster, ok := strings.Cut(r.URL.Path, ":k8s:"); ok && r.Method == http.MethodDelete {
				once.Do(func() { w.volume("pvc-late", "k8s:"+cluster) })
			}
		}
		_, err := down(ctx, p)
		var left problem.List
		if !errors.As(err, &left) || left[0].Code != problem.LeftBehind || left[0].Kind.ExitCode() != 7 || !strings.Contains(left[0].Title, "pvc-late") {
			t.Errorf("down ends with %v, want exit code 7 and a word of pvc-late; there is %v", err, w.cloud.Inventory())
		}
	})
}

// volume makes a volume beside k8or.
func (w *world) volume(name, tag string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "https://sandbox.example.com/v2/volumes",
		strings.NewReader(`{"name":"`+name+`","region":"nyc3","size_gigabytes":1,"tags":["`+tag+`"]}`))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := w.cloud.Hands("").RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		w.Fatalf("POST /v2/volumes: %s", answer.Status)
	}
}
