// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"net/http/httptest"
	"testing"
	"time"

	clients "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/k8or/k8or/internal/sandbox/clock"
	"github.com/k8or/k8or/internal/sandbox/kubernetes"
	"github.com/k8or/k8or/internal/sandbox/memkube"
	"github.com/k8or/k8or/internal/sandbox/operators"
	"github.com/k8or/k8or/internal/sandbox/operators/suite"
	"github.com/k8or/k8or/internal/sandbox/spaces"
	"github.com/k8or/k8or/internal/sandbox/wire"
)

func TestOperatorsArePlayedInMemory(t *testing.T) {
	t.Parallel()
	fast, err := clock.NewScaled(100)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := spaces.Open(spaces.Options{Dir: t.TempDir(), Clock: fast, Cloud: account{}})
	if err != nil {
		t.Fatal(err)
	}
	reached := httptest.NewServer(objects) // the claims look into buckets as anybody does
	t.Cleanup(reached.Close)
	player := operators.NewPlayer(shelf{all: map[string]operators.Snapshot{}}, nil, wire.Transport(objects))
	server := memkube.New(memkube.Options{Hands: func(r *memkube.Room, wall time.Time) time.Time {
		now := fast.Now()
		again, err := player.Pass(r, now, wall)
		if err != nil {
			t.Errorf("the cluster refused: %v", err)
		}
		if again.IsZero() {
			return again
		}
		return wall.Add(fast.Real(again.Sub(now)))
	}})
	client, err := clients.NewForConfig(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := kubernetes.StorageClasses(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	suite.Run(t, func() *rest.Config { return server.Config() }, suite.Spaces{Endpoint: reached.URL, Region: "nyc3", AccessKey: "key", Secret: "secret"})
}

// account is a cloud with one key to all of Spaces.
type account struct{}

func (account) SpacesKey(id string) (spaces.Key, bool) {
	return spaces.Key{Secret: "secret", Team: "team", Grants: []spaces.Grant{{Permission: "fullaccess"}}}, id == "key"
}
func (account) LimitedKey(string) bool      { return false }
func (account) SpaceCreated(_, _, _ string) {}
func (account) SpaceDeleted(_, _ string)    {}

// shelf is a cloud that has snapshots and nothing else. Memkube calls it with its lock held.
type shelf struct{ all map[string]operators.Snapshot }

func (s shelf) Snapshot(volume, name string) (operators.Snapshot, error) {
	id := volume + "/" + name
	if _, there := s.all[id]; !there {
		s.all[id] = operators.Snapshot{ID: id, GiB: 2, Taken: time.Now()}
	}
	return s.all[id], nil
}

func (s shelf) Find(id string) (operators.Snapshot, bool, error) {
	one, there := s.all[id]
	return one, there, nil
}

func (s shelf) Discard(id string) error {
	delete(s.all, id)
	return nil
}
