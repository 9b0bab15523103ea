// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"helm.sh/helm/v4/pkg/release/common"
	helm "helm.sh/helm/v4/pkg/release/v1"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

// Spec is a wanted release.
type Spec struct {
	Name, Namespace string
	Chart           *chart.Chart
	Values          map[string]any // over the chart's own; literals only
}

// Release is a Helm release as a resource. It is level when its record is of the wanted chart and values, and ready when
// its objects are.
type Release struct {
	Access graph.Value[kube.Access] `graph:"parent"`

	kinds    *Kinds
	spec     Spec
	identity string
}

// Output is what a release offers once it is ready.
type Output struct {
	// Revision is Helm's count of what it released under the name.
	Revision int
	// changes is what Observe found for Diff: the record and the objects are read once for both.
	changes []graph.Change
}

var _ graph.Resource[Output] = (*Release)(nil)

// Release makes the resource of a release.
func (k *Kinds) Release(access graph.Value[kube.Access], spec Spec) (*Release, error) {
	identity, err := spec.Chart.Identity(spec.Values)
	if err != nil {
		return nil, fmt.Errorf("the Helm release %s: %w", spec.Name, err)
	}
	return &Release{Access: access, kinds: k, spec: spec, identity: identity}, nil
}

// Kind is the kind of releases.
func (r *Release) Kind() *graph.Kind { return r.kinds.Releases }

// Key is namespace and name.
func (r *Release) Key() string { return r.spec.Namespace + "/" + r.spec.Name }

// Observe reads the release's last record and asks for the health of its objects.
func (r *Release) Observe(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	var o graph.Observed[Output]
	access, ok := r.Access.Get(c)
	if !ok || access.Endpoint == "" {
		return o, nil
	}
	o.ID = r.Key()
	doing, flying, err := r.kinds.flying(r.Key())
	if err != nil {
		return o, err
	}
	if flying {
		o.State, o.Message = graph.Pending, doing
		return o, nil
	}
	cluster := r.kinds.options.Cluster(access.ID)
	history, err := historyOf(ctx, cluster, r.spec.Namespace, r.spec.Name)
	if err != nil {
		return o, kube.Classify(err)
	}
	if len(history) == 0 {
		return graph.Observed[Output]{}, nil
	}
	last := history[len(history)-1]
	if last.Labels[kube.PlatformLabel] != r.kinds.options.Platform {
		return o, fmt.Errorf("the Helm release %s in namespace %s %w: uninstall it, or give the app another name",
			r.spec.Name, r.spec.Namespace, graph.ErrStranger)
	}
	if last.Info.Status == common.StatusUninstalled {
		return graph.Observed[Output]{}, nil // its objects are gone, only the history was kept
	}
	objects, err := objectsOf(last.Manifest)
	if err != nil {
		return o, err
	}
	status, err := cluster.Status(ctx, asSet(last, objects))
	if err != nil {
		return o, kube.Classify(err)
	}
	o.Out = Output{Revision: last.Version, changes: r.compare(last, status)}
	switch {
	case len(o.Out.changes) > 0:
		o.State = graph.Ready // comparable: its changes come before its health
	case status.State <= kube.Waiting:
		o.State, o.Message = graph.Ready, status.Message
	case status.State == kube.Failed:
		o.State, o.Message = graph.Broken, status.Message
	default:
		o.State = graph.Pending
		o.Message = fmt.Sprintf("%d of %d objects are ready; %s", status.Ready, len(status.Objects), status.Message)
	}
	return o, nil
}

// compare says how the last record and the objects differ from what is wanted. Values are never said, only their keys.
func (r *Release) compare(last *helm.Release, status kube.Status) []graph.Change {
	var changes []graph.Change
	if s := last.Info.Status; s != common.StatusDeployed {
		note := last.Info.Description
		if s != common.StatusFailed {
			note = "a run was cut short"
		}
		changes = append(changes, graph.Change{Path: "status", Before: s.String(), After: common.StatusDeployed.String(), Note: note})
	}
	if last.Labels[identityLabel] != r.identity {
		var differing []graph.Change
		if was, will := chartOf(last), r.spec.Chart.Name+" "+r.spec.Chart.Version; was != will {
			differing = append(differing, graph.Change{Path: "chart", Before: was, After: will, Risk: graph.Restarts})
		}
		for _, key := range differingKeys("", plain(last.Config), plain(r.spec.Values)) {
			differing = append(differing, graph.Change{Path: "values." + key, After: "another value", Risk: graph.Restarts})
		}
		if len(differing) == 0 {
			differing = []graph.Change{{Path: "chart", After: "other files of the same version", Risk: graph.Restarts}}
		}
		changes = append(changes, differing...)
	}
	for _, object := range status.Objects {
		if object.State == kube.Missing {
			changes = append(changes, graph.Change{Path: object.ID.String(), Before: "missing", After: string(kube.Create)})
		}
	}
	return changes
}

func chartOf(rel *helm.Release) string {
	if rel.Chart == nil || rel.Chart.Metadata == nil {
		return "unknown"
	}
	return rel.Chart.Metadata.Name + " " + rel.Chart.Metadata.Version
}

// plain is a copy of values as they come back from a record.
func plain(values map[string]any) map[string]any {
	out := map[string]any{}
	if encoded, err := json.Marshal(values); err == nil {
		_ = json.Unmarshal(encoded, &out) // what was encoded can be decoded
	}
	if out == nil {
		return map[string]any{}
	}
	return out
}

// differingKeys are the paths at which two trees of values differ.
func differingKeys(at string, before, after map[string]any) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	var out []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		b, a := before[key], after[key]
		inB, isB := b.(map[string]any)
		inA, isA := a.(map[string]any)
		switch {
		case isB && isA:
			out = append(out, differingKeys(at+key+".", inB, inA)...)
		case !reflect.DeepEqual(b, a):
			out = append(out, at+key)
		}
	}
	return out
}

// Diff says what Observe found.
func (r *Release) Diff(_ *graph.Call, have graph.Observed[Output]) []graph.Change {
	return have.Out.changes
}

// Create installs the release.
func (r *Release) Create(ctx context.Context, c *graph.Call) (graph.Observed[Output], error) {
	return r.act(ctx, c, "Helm installs", r.install)
}

// Update upgrades the release, whatever a run that was cut short has left of it.
func (r *Release) Update(ctx context.Context, c *graph.Call, _ graph.Observed[Output], _ []graph.Change) (graph.Observed[Output], error) {
	return r.act(ctx, c, "Helm upgrades", r.upgrade)
}

func (r *Release) act(ctx context.Context, c *graph.Call, doing string, act func(context.Context, *kube.Cluster) error) (graph.Observed[Output], error) {
	o := graph.Observed[Output]{State: graph.Pending, ID: r.Key(), Message: doing}
	cluster := r.kinds.options.Cluster(r.Access.Read(c).ID)
	done, err := r.kinds.fly(ctx, r.Key(), doing, func(ctx context.Context) error {
		return explain(fmt.Sprintf("%s release %s in %s", doing, r.spec.Name, r.spec.Namespace), act(ctx, cluster))
	})
	if done {
		o.Message = "released"
	}
	return o, err
}
