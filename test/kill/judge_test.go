// SPDX-License-Identifier: Apache-2.0

package kill

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// picture is everything there is by the sandbox's own records, one line a thing, without what differs from one life of a
// platform to another: ids, addresses, random names, times.
type picture []string

// picture looks at the clouds' inventory, at the cluster as DigitalOcean shows it, at the project's members, and at all
// objects of the cluster.
func (w *world) picture() picture {
	w.Helper()
	var p picture
	add := func(format string, args ...any) { p = append(p, plain(fmt.Sprintf(format, args...))) }
	for _, thing := range w.cloud.Inventory() {
		name := thing.Name
		if thing.Kind == "droplet" {
			name = name[:strings.LastIndex(name, "-")]
		}
		add("%s %s", thing.Kind, name)
		if thing.Kind == "project" {
			for _, member := range w.look("/v2/projects/"+thing.ID+"/resources", "resources") {
				add("member of the project: %v", droplets.ReplaceAllString(member["urn"].(string), "$1"))
			}
		}
	}
	for _, cluster := range w.look("/v2/kubernetes/clusters", "kubernetes_clusters") {
		for _, of := range append([]any{cluster}, cluster["node_pools"].([]any)...) {
			thing := of.(map[string]any)
			for _, field := range []string{"nodes", "node_pools", "id", "created_at", "updated_at"} {
				delete(thing, field)
			}
			add("%v is %s", thing["name"], asJSON(thing))
		}
		p = append(p, w.objects(cluster["name"].(string))...)
	}
	slices.Sort(p)
	return p
}

// objects are the objects of a cluster, as it keeps them.
func (w *world) objects(cluster string) picture {
	w.Helper()
	var p picture
	for _, thing := range w.cloud.Inventory() {
		if thing.Kind != "kubernetes_cluster" || thing.Name != cluster || w.runtime.Server(thing.ID) == nil {
			continue
		}
		raw, err := w.runtime.Server(thing.ID).Export()
		if err != nil {
			w.Fatal(err)
		}
		var state struct {
			Objects []struct {
				Resource string
				Object   map[string]any
			}
		}
		if err := json.Unmarshal(raw, &state); err != nil {
			w.Fatal(err)
		}
		for _, o := range state.Objects {
			meta := o.Object["metadata"].(map[string]any)
			where := fmt.Sprintf("%s %v/%v", o.Resource, meta["namespace"], meta["name"])
			if owners, owned := meta["ownerReferences"].([]any); owned { // made by a controller, which gives it its name
				owner := owners[0].(map[string]any)
				p = append(p, plain(fmt.Sprintf("%s of %v in %v", o.Resource, owner["kind"], meta["namespace"])))
				continue
			}
			switch o.Resource {
			case "nodes":
				p = append(p, "node")
				continue
			case "leases": // the lock of a process that died when all was done; the next one that writes takes it over
				continue
			}
			for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
				delete(meta, field)
			}
			delete(o.Object, "status")
			p = append(p, plain(where+" is "+asJSON(o.Object)))
		}
	}
	return p
}

// look lists things beside k8or.
func (w *world) look(path, key string) []map[string]any {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, "https://sandbox.example.com"+path+"?per_page=200", nil)
	if err != nil {
		w.Fatal(err)
	}
	answer, err := w.cloud.Hands("").RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	said := map[string]json.RawMessage{}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		w.Fatal(err)
	}
	var things []map[string]any
	if err := json.Unmarshal(said[key], &things); err != nil {
		w.Fatalf("list %s: %v", path, err)
	}
	return things
}

var (
	uids      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	addresses = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+\b`)
	times     = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	droplets  = regexp.MustCompile(`(droplet:)\d+`)
)

// hashes are when a set was last applied in full. A run that was killed after its last object did not come to write that
// down, and the next one had nothing to apply; nobody reads it.
var hashes = regexp.MustCompile(`,\\*"hash\\*":\\*"sha256:[0-9a-f]{64}\\*"`)

// plain takes out of a line what differs from one life to another.
func plain(line string) string {
	line = uids.ReplaceAllString(line, "#")
	line = hashes.ReplaceAllString(line, "")
	line = times.ReplaceAllString(line, "#")
	return addresses.ReplaceAllString(line, "#")
}

func asJSON(v any) string {
	out, err := json.Marshal(v) // what was JSON before
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// lives counts what was ever made, by kind and name: two where one was wanted is twice, even if one of them is gone by
// now. Tags are left out, since each run takes the lock by one of its own.
func (w *world) lives() picture {
	var p picture
	for _, r := range w.record.ReadyTimes() {
		if r.Kind == "tag" {
			continue
		}
		name := r.Name
		if r.Kind == "droplet" {
			name = name[:strings.LastIndex(name, "-")]
		}
		p = append(p, plain(r.Kind+" "+name))
	}
	slices.Sort(p)
	return p
}

// differs says what there is too much or too little of, compared with what is wanted.
func (p picture) differs(want picture) []string {
	var out []string
	count := map[string]int{}
	for _, line := range p {
		count[line]++
	}
	for _, line := range want {
		count[line]--
	}
	for line, n := range count {
		switch {
		case n > 0:
			out = append(out, fmt.Sprintf("%d too many: %s", n, line))
		case n < 0:
			out = append(out, fmt.Sprintf("%d missing: %s", -n, line))
		}
	}
	slices.Sort(out)
	return out
}

// gone says what is left of a platform that was taken down.
func (w *world) gone() []string {
	var left []string
	for _, thing := range w.cloud.Inventory() {
		left = append(left, thing.Kind+" "+thing.Name)
	}
	for _, r := range w.record.ReadyTimes() {
		switch {
		case !r.GoneAt.IsZero():
		case w.runtime.Server(r.ID) != nil:
			left = append(left, "the control plane of "+r.Name)
		default:
			left = append(left, fmt.Sprintf("%s %s, by the record of lives", r.Kind, r.Name))
		}
	}
	return left
}
