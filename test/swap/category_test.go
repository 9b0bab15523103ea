// SPDX-License-Identifier: Apache-2.0

package swap

import (
	"strings"
	"testing"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/producttest"
)

// categories are what one platform gets one after the other, and loses again in the reverse order, so that those it gets last go while
// they are logged, monitored and routed.
var categories = []string{
	"  gateways: {public: {product: nginx, domains: [registry.example.com], tls: {email: ops@example.com, challenge: http}}}\n",
	"  dns: {token: {from: {env: CANARY}}}\n",
	"  monitoring: {product: prometheus}\n",
	"  logging: {product: fluentd, sink: {product: elk}}\n",
	"  storage: {spaces: {backups: {}}}\n  backups: {bucket: storage/spaces/backups}\n",
	"  registry: {product: docker-registry, host: registry.example.com, mirror: true}\n",
	"  messaging: {events: {product: kafka, brokers: 1, topics: {clicks: {}}}}\n",
}

const bare = `apiVersion: k8or.io/v1alpha1
kind: Platform
metadata: {name: swap}
spec:
  region: nyc3
  cluster: {nodePools: {general: {size: s-8vcpu-16gb, count: 3}}}
  apps:
    web: {image: docker.io/hashicorp/http-echo:1.0.0, port: 5678, metrics: {}}
`

// What a category leaves holds data, and the plan that takes the category away says so by name: claims with their volumes, a topic with its
// messages and so its CRD, a bucket. Of the rest there is nothing left but the namespace that these are in.
func TestACategoryComesAndGoesByAWord(t *testing.T) {
	t.Parallel()
	rungs := []string{bare}
	for _, c := range categories {
		rungs = append(rungs, rungs[len(rungs)-1]+c)
	}
	producttest.Ladder(t, rungs, func(rung int, plan *platform.Plan, said string, left []string) {
		planned, goes := "", false
		for _, s := range plan.Steps {
			goes = goes || s.Action == graph.Delete
			if s.Action == graph.Delete || s.Action == graph.Keep {
				planned += s.Title + "\n"
			}
		}
		if !goes {
			t.Errorf("without %s nothing goes: %v", categories[rung], stepsOf(plan))
		}
		for _, thing := range left {
			kind, name, _ := strings.Cut(thing, " ")
			space, object, _ := strings.Cut(name, "/")
			in := map[string]string{"namespaces": object, "configmaps": space, "serviceaccounts": space}[kind] // what holds data is in it
			told := false
			switch {
			case kind == "persistentvolumeclaims", kind == "kafkatopics", kind == "space":
				told = strings.Contains(planned, name)
			case kind == "persistentvolumes", kind == "volume", kind == "tag": // a claim's, a bucket's
				told = true
			case kind == "customresourcedefinitions":
				told = strings.Contains(planned, object+" stays as long as there is ") && strings.Contains(said, object+" stays: ")
			case kind == "secrets": // cert-manager leaves what it signed
				told = strings.Contains(planned, name+" stays until its namespace goes")
			case in != "" && (kind == "namespaces" || object == "kube-root-ca.crt" || object == "default"):
				told = strings.Contains(planned, " "+in+"/")
			}
			if !told {
				t.Errorf("without %s there is still %s, of which the plan says nothing:\n%s", categories[rung], thing, planned)
			}
		}
	})
}

// Nobody moves images from a volume to a bucket or back, and no pod could pull one until it was pushed again.
func TestARegistrysImagesStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	volume := bare + "  gateways: {public: {product: nginx}}\n  storage: {spaces: {images: {}}}\n  registry: {product: docker-registry, host: registry.example.com}\n"
	bucket := strings.Replace(volume, "example.com}", "example.com, bucket: storage/spaces/images}", 1)
	for _, way := range [][2]string{{volume, bucket}, {bucket, volume}} {
		refused := false
		plan := producttest.Change(t, way[0], way[1])
		for _, s := range plan.Steps {
			for _, c := range s.Changes {
				refused = refused || s.Node == "registry" && c.Risk == graph.Refused && strings.Contains(c.Note, "images are not moved")
			}
		}
		if !refused {
			t.Errorf("the registry looks for its images elsewhere: %v", stepsOf(plan))
		}
	}
}
