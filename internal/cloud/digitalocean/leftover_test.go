// SPDX-License-Identifier: Apache-2.0

package digitalocean_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
)

// leave makes what a cluster's own hands make.
func (w *world) leave() (volume string) {
	id := w.cluster()["id"].(string)
	w.api("POST", "/v2/load_balancers", `{"name":"a1","region":"nyc3","tags":["k8s:`+id+`"],"tag":"k8s:`+id+`","vpc_uuid":"`+w.cluster()["vpc_uuid"].(string)+`",
		"forwarding_rules":[{"entry_protocol":"tcp","entry_port":80,"target_protocol":"tcp","target_port":30080}]}`)
	v := w.api("POST", "/v2/volumes", `{"name":"pvc-1","region":"nyc3","size_gigabytes":16,"tags":["k8s:`+id+`"]}`)["volume"].(map[string]any)
	volume = v["id"].(string)
	w.api("POST", "/v2/volumes/"+volume+"/snapshots", `{"name":"daily","tags":["k8s:`+id+`"]}`)
	w.claims[volume] = digitalocean.Claim{Namespace: "apps", Name: "data.0"}
	return volume
}

func TestWhatAClusterLeavesBehindIsFoundAndDecided(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		why  string
		data graph.DataDecisions
		left []string
	}{
		"lost": {"given up by name, it goes", graph.DataDecisions{Lose: []string{"volumes/apps/data.0", "snapshots/daily"}}, nil},
		"kept": {"kept data stay, and nothing else", graph.DataDecisions{Keep: []string{"volumes/apps/data.0", "snapshots/daily"}},
			[]string{"volume pvc-1", "snapshot daily"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.mustUp(starter())
				w.leave()
				w.settled(starter())
				if err := w.down(test.data); err != nil {
					w.Fatalf("down: %v\n%s", err, w.events.text())
				}
				var left []string
				for _, l := range w.alive() {
					left = append(left, strings.Replace(l, "volume_snapshot", "snapshot", 1))
				}
				slices.Sort(left)
				slices.Sort(test.left)
				if !slices.Equal(left, test.left) {
					w.Errorf("left are %v, want %v: %s", left, test.left, test.why)
				}
				// A later run, which knows nothing but the marks, finds what was kept under the same names.
				w.estate, w.claims = w.estateOn(w.client), nil
				if err := w.down(graph.DataDecisions{Lose: []string{"volumes/apps/data.0", "snapshots/daily"}}); err != nil {
					w.Fatalf("second down: %v\n%s", err, w.events.text())
				}
				if left := w.alive(); len(left) > 0 {
					w.Errorf("after the second down there still is %v", left)
				}
			})
		})
	}
}

func TestUndecidedDataHoldTheTeardownsData(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		w.leave()
		if err := w.down(graph.DataDecisions{}); !errors.Is(err, graph.ErrIncomplete) {
			w.Errorf("down with undecided data ends with %v, want ErrIncomplete", err)
		}
		if left := w.alive(); !slices.ContainsFunc(left, func(s string) bool { return s == "volume pvc-1" }) {
			w.Errorf("undecided data are gone; left is %v", left)
		}
	})
}

func TestATeardownGoesOnWhenTheClusterDoesNotSayItsClaims(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.mustUp(starter())
		w.leave()
		asked := 0
		w.estate = digitalocean.NewEstate(w.client, mark, digitalocean.EstateOptions{Claims: func(ctx context.Context, _ string) (map[string]digitalocean.Claim, error) {
			asked++
			<-ctx.Done() // nobody answers
			return nil, ctx.Err()
		}})
		if err := w.down(graph.DataDecisions{Lose: []string{"volumes/pvc-1", "snapshots/daily"}}); err != nil {
			w.Fatalf("down: %v\n%s", err, w.events.text())
		}
		if left := w.alive(); len(left) > 0 || asked > 2 {
			w.Errorf("left is %v; the cluster was asked %d times, want nothing and at most twice", left, asked)
		}
	})
}
