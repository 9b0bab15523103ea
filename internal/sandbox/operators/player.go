// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// Player makes the world follow the operators. It remembers only what may be forgotten: after a restart it finds its place
// by what is there. It is not safe for concurrent use.
type Player struct {
	operators []*Operator
	volumes   Volumes
	zones     Zones
	spaces    http.RoundTripper
	seen      map[sightOf]*sight
	sent      map[string]*sent
	pass      uint64
}

// sightOf is which operator saw which object.
type sightOf struct {
	operator string
	object   types.UID
}

// sight is when an operator first saw a generation of an object, in model time.
type sight struct {
	generation int64
	since      time.Time
	turn       time.Time // when it last did what it does regularly; zero before it was asked whether to
	said       string    // what it last carried out outside the cluster, for those that remember it
}

// sent is what was last said of an object, and of which version of it.
type sent struct {
	content map[string]any
	version string
	pass    uint64
}

// NewPlayer returns one that plays all operators. Volumes are the cloud's, nil where there is none: then no snapshot can be taken. Zones
// are its DNS, nil: then no name is written. spaces leads to its Spaces; nil: then no backup can be kept.
func NewPlayer(volumes Volumes, zones Zones, spaces http.RoundTripper) *Player {
	return &Player{operators: All(), volumes: volumes, zones: zones, spaces: spaces, seen: map[sightOf]*sight{}, sent: map[string]*sent{}}
}

// retry is how long, in model time, an object is left alone whose change was refused.
const retry = 5 * time.Second

// Pass looks at everything once and writes what should be different. now is model time, wall the machine's. It returns when
// to look again even if nothing changes, in model time (zero: never), and what was refused.
func (p *Player) Pass(c Cluster, now, wall time.Time) (again time.Time, err error) {
	p.pass++
	there := map[sightOf]bool{}
	var refused []error
	for _, op := range p.operators {
		var objects []Object
		var kinds []*Kind
		for i := range op.Kinds {
			k := &op.Kinds[i]
			if k.Play == nil {
				continue
			}
			for _, o := range c.List(k.Resource) {
				if k.Only == nil || k.Only(o) {
					objects, kinds = append(objects, o), append(kinds, k)
				}
			}
		}
		if len(objects) == 0 {
			continue
		}
		controller := controllerOf(c, op)
		if controller == nil && !op.Beside {
			continue
		}
		for i, o := range objects {
			who := sightOf{op.Name, o.GetUID()}
			there[who] = true
			if op.Within != nil && !op.Within(controller, o.GetNamespace()) {
				continue
			}
			seen := p.sight(who, o, now)
			s := &Scene{World: c, Object: o, Controller: controller, Now: now, Wall: wall, Since: seen.since, volumes: p.volumes, zones: p.zones, spaces: p.spaces, sight: seen}
			if err := p.act(c, op, kinds[i], s); err != nil {
				refused = append(refused, fmt.Errorf("%s, for %s %s: %w", op.Name, o.GetKind(), nameOf(o), err))
				s.Again(now.Add(retry))
			}
			if !s.again.IsZero() && (again.IsZero() || s.again.Before(again)) {
				again = s.again
			}
		}
	}
	for who := range p.seen {
		if !there[who] {
			delete(p.seen, who)
		}
	}
	for key, s := range p.sent {
		if s.pass != p.pass {
			delete(p.sent, key)
		}
	}
	return again, errors.Join(refused...)
}

// sight is when this generation of the object was first seen. One that had a status before this player's time was seen long ago.
func (p *Player) sight(who sightOf, o Object, now time.Time) *sight {
	s, known := p.seen[who]
	if known && s.generation == o.GetGeneration() {
		return s
	}
	s = &sight{generation: o.GetGeneration(), since: now}
	if !known && len(mapAt(o.Object, "status")) > 0 {
		s.since = time.Time{}
	}
	p.seen[who] = s
	return s
}

// act asks the operator and does what it says.
func (p *Player) act(c Cluster, op *Operator, k *Kind, s *Scene) error {
	var out Outcome
	switch {
	case s.Object.GetDeletionTimestamp() == nil:
		out = k.Play(s)
	case k.Bury != nil:
		out = k.Bury(s)
	default:
		return nil
	}
	refused := s.refused
	for _, want := range out.Children {
		refused = append(refused, p.ensure(c, op.Name, want))
	}
	for _, gone := range out.Gone {
		if o := c.Get(gone.Resource, gone.Namespace, gone.Name); o != nil && o.GetDeletionTimestamp() == nil {
			refused = append(refused, ignorable(c.Delete(gone.Resource, gone.Namespace, gone.Name)))
		}
	}
	if out.Status != nil {
		refused = append(refused, p.setStatus(c, op.Name, s.Object, out.Status))
	}
	if out.Self != nil && !equality.Semantic.DeepEqual(out.Self.Object, s.Object.Object) {
		refused = append(refused, ignorable(c.Update(op.Name, out.Self)))
	}
	return errors.Join(refused...)
}

// ensure makes a child, or brings it in line.
func (p *Player) ensure(c Cluster, manager string, want Object) error {
	resource := ResourceOf(want).GroupResource()
	last := p.last(resource.String() + "/" + want.GetNamespace() + "/" + want.GetName())
	live := c.Get(resource, want.GetNamespace(), want.GetName())
	if live == nil {
		last.content, last.version = changeable(want), ""
		return ignorable(c.Create(manager, want.DeepCopy()))
	}
	if live.GetDeletionTimestamp() != nil {
		return nil
	}
	wish := changeable(want)
	if covers(live.Object, wish) && !drops(last.content, wish) || last.said(live, wish) {
		last.content = wish
		return nil
	}
	next := live.DeepCopy()
	merge(next.Object, last.content, wish)
	last.content, last.version = wish, live.GetResourceVersion()
	return ignorable(c.Update(manager, next))
}

// setStatus writes a status unless it is there.
func (p *Player) setStatus(c Cluster, manager string, o Object, status map[string]any) error {
	last := p.last("status/" + string(o.GetUID()))
	if equality.Semantic.DeepEqual(mapAt(o.Object, "status"), status) || last.said(o, status) {
		return nil
	}
	last.content, last.version = status, o.GetResourceVersion()
	next := o.DeepCopy()
	next.Object["status"] = runtime.DeepCopyJSONValue(status)
	return ignorable(c.UpdateStatus(manager, next))
}

// last is what was last said under a key.
func (p *Player) last(key string) *sent {
	s := p.sent[key]
	if s == nil {
		s = &sent{}
		p.sent[key] = s
	}
	s.pass = p.pass
	return s
}

// said is whether the same was said of the same version: then what is there is what the server made of it, such as a status
// of which the definition's schema keeps only a part.
func (s *sent) said(o Object, content map[string]any) bool {
	return s.version == o.GetResourceVersion() && equality.Semantic.DeepEqual(s.content, content)
}

// ignorable drops the errors of having looked at something older than what is there: that will be seen, and looked at again.
func ignorable(err error) error {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, "NamespaceTerminating") {
		return nil
	}
	return err
}
