// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
)

// The bad documents under internal/document/testdata/bad show what breaks a rule; these show what
// does not.
func TestGoodDocumentsBreakNoRule(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]string{
		"the smallest":             `{}`,
		"an exact release":         `{"cluster": {"version": "1.36.3-do.0"}}`,
		"autoscaled":               `{"cluster": {"nodePools": {"a": {"size": "c-2", "autoscale": {"min": 0, "max": 3}}, "b": {"size": "g-4vcpu-16gb", "count": 1}}}}`,
		"a tainted pool beside":    `{"cluster": {"nodePools": {"a": {"size": "c-2", "count": 1, "taints": [{"key": "x", "value": "y", "effect": "NoExecute"}]}, "b": {"size": "c-2", "count": 1, "labels": {"example.com/tier": "a"}}}}}`,
		"soft taints alone":        `{"cluster": {"nodePools": {"a": {"size": "c-2", "count": 1, "taints": [{"key": "x", "effect": "PreferNoSchedule"}]}}}}`,
		"ranges":                   `{"cluster": {"vpcRange": "10.110.0.0/20", "clusterSubnet": "10.240.0.0/16", "serviceSubnet": "10.241.0.0/19"}}`,
		"not VPC-native":           `{"cluster": {"vpcNative": false}}`,
		"an allow-list":            `{"cluster": {"controlPlaneAccess": {"allow": ["203.0.113.7", "198.51.100.0/24"]}}}`,
		"single sign-on":           `{"cluster": {"sso": {"issuerURL": "https://login.example.com", "clientID": "k8or"}}}`,
		"existing, with an app":    `{"cluster": {"existing": "prod-1"}, "apps": {"a": {"image": "docker.io/a/b:1", "pool": "theirs"}}}`,
		"two gateways":             `{"gateways": {"a": {"domains": ["a.example.com", "*.example.org"]}, "b": {"product": "nginx", "placement": "cluster", "pool": "general"}}, "apps": {"a": {"image": "docker.io/a/b:1", "port": 80, "gateway": "a", "routes": [{"host": "x.example.org"}]}}}`,
		"an existing gateway":      `{"gateways": {"a": {"product": "existing", "existing": {"class": "nginx"}}}}`,
		"by digest":                `{"apps": {"a": {"image": "ghcr.io/a/b@sha256:` + strings.Repeat("a", 64) + `"}}}`,
		"tag and digest":           `{"apps": {"a": {"image": "localhost:5000/a/b:1@sha256:` + strings.Repeat("a", 64) + `"}}}`,
		"an underscore in a name":  `{"apps": {"a": {"image": "docker.io/a/b__c-d.e:v1.0_x"}}}`,
		"a worker with metrics":    `{"apps": {"a": {"image": "docker.io/a/b:1", "metrics": {"port": 9090}}}}`,
		"a job":                    `{"apps": {"a": {"kind": "job", "image": "docker.io/a/b:1", "timeout": "1h30m"}}}`,
		"cron by name":             `{"apps": {"a": {"image": "docker.io/a/b:1", "schedule": "*/5 0-6 1,15 jan-jun mon-fri", "timeZone": "America/Argentina/Buenos_Aires"}}}`,
		"cron by word":             `{"apps": {"a": {"image": "docker.io/a/b:1", "schedule": "@daily"}}}`,
		"manifests":                `{"apps": {"a": {"manifests": "../deploy/shop", "namespace": "shop"}}}`,
		"a chart":                  `{"apps": {"a": {"chart": {"source": "oci://ghcr.io/a/b", "version": "1.2.3-rc.1", "values": {"a": [1]}}}}}`,
		"a chart in a folder":      `{"apps": {"a": {"chart": {"source": "charts/shop", "release": true}}}}`,
		"a volume":                 `{"apps": {"a": {"image": "docker.io/a/b:1", "volumes": {"data": {"size": "10Gi", "path": "/data"}}}}}`,
		"amounts":                  `{"apps": {"a": {"image": "docker.io/a/b:1", "resources": {"requests": {"cpu": 0.5, "memory": "512Mi"}, "limits": {"cpu": 1, "memory": "0.5Gi"}}}}}`,
		"secrets by reference":     `{"apps": {"a": {"image": "docker.io/a/b:1", "env": {"A": "", "_B": "x", "C": {"from": {"secret": "n/k"}}, "D": {"from": {"secret": "ns/n.m/k.pem"}}, "E": {"from": {"file": "x"}}}}}}`,
		"a URL without a password": `{"apps": {"a": {"image": "docker.io/a/b:1", "env": {"U": "postgres://shop@db.example.com/shop", "V": "http://[::1]:80/a@b:c"}}}}`,
		"routes on one gateway":    `{"gateways": {"p": {}}, "apps": {"a": {"image": "docker.io/a/b:1", "port": 80, "routes": [{"host": "a.b"}, {"host": "a.b", "path": "/x"}]}, "b": {"image": "docker.io/a/b:1", "port": 80, "routes": [{"path": "/x"}]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := read(t, minimal)
			if err := json.Unmarshal([]byte(spec), &p.Spec); err != nil {
				t.Fatal(err)
			}
			available := v1alpha1.Available{"gateways": {"nginx": {"cluster"}, "existing": nil}}
			for _, doc := range []*v1alpha1.Platform{p, v1alpha1.Default(p)} {
				for _, e := range v1alpha1.Validate(doc, available) {
					t.Errorf("%v (%s)", e, e.Why)
				}
			}
		})
	}
}

// A platform that uses every category, for when all of them have products.
func TestTheWholeShapeBreaksNoRule(t *testing.T) {
	t.Parallel()
	p := read(t, minimal)
	spec := `{
	  "account": "3f2c9a51-0d0e", "budget": {"monthly": 400}, "network": {"egress": {}, "domains": {"example.com": {"existing": true}}, "firewalls": {"bastion": {}}, "reservedIPs": {"mail": {}}},
	  "databases": {"orders": {"product": "digitalocean", "engine": "postgresql", "version": "17", "size": "small", "standby": 1},
	                "logs": {"product": "digitalocean", "engine": "opensearch"}},
	  "messaging": {"events": {"product": "kafka", "placement": "cluster", "brokers": 3, "topics": {"click.stream_1": {"partitions": 12}}}},
	  "gateways": {"public": {"product": "kong", "domains": ["shop.example.com"]}},
	  "mesh": {"product": "linkerd"},
	  "monitoring": {"retention": "15d", "receivers": {"oncall": {"slack": {"from": {"env": "SLACK_WEBHOOK"}}}}},
	  "logging": {"product": "fluentd", "sink": {"product": "elk", "retention": "7d"}},
	  "storage": {"spaces": {"media": {}}},
	  "registry": {"product": "docker-registry", "host": "shop.example.com"},
	  "delivery": {"product": "circleci"},
	  "backups": {"bucket": "storage/spaces/media"},
	  "apps": {"web": {"image": "web:1.4.2", "source": "github/acme/shop", "port": 8080, "routes": [{"host": "shop.example.com"}],
	    "uses": ["databases/orders", "messaging/events", "storage/spaces/media"]}}}`
	if err := json.Unmarshal([]byte(spec), &p.Spec); err != nil {
		t.Fatal(err)
	}
	for _, e := range v1alpha1.Validate(p, nil) {
		t.Errorf("%v (%s)", e, e.Why)
	}
	none := v1alpha1.Validate(p, v1alpha1.Available{})
	for _, category := range []string{"databases", "messaging", "gateways", "mesh", "monitoring", "logging", "storage", "registry", "delivery", "backups"} {
		said := false
		for _, e := range none {
			said = said || e.Code == v1alpha1.CodeNotAvailable && strings.HasPrefix(e.Path, "spec."+category)
		}
		if !said {
			t.Errorf("nobody says that %s has no product", category)
		}
	}
}

func TestSecretsAreNeverLiterals(t *testing.T) {
	t.Parallel()
	var s v1alpha1.Secret
	err := json.Unmarshal([]byte(`"verysecret"`), &s)
	if err == nil || strings.Contains(err.Error(), "verysecret") {
		t.Errorf("got %v, want an error that does not repeat the secret", err)
	}
	if err := json.Unmarshal([]byte(`{"from": {"env": "X"}}`), &s); err != nil || s.From.Env != "X" {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestEnvValueReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"plain"`, `""`, `{"from":{"secret":"a/b"}}`} {
		var v v1alpha1.EnvValue
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(v); err != nil || string(got) != text {
			t.Errorf("got %s, %v; want %s", got, err, text)
		}
	}
}

func TestQuantityIsAnAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"500m": 0.5, "2": 2, "1Gi": 1 << 30, "1.5Ki": 1536, "3k": 3000, "100u": 0.0001} {
		if got, ok := v1alpha1.Quantity(text).Float(); !ok || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "1GB", "lots", "1e3", "1 Gi", "0x10"} {
		if got, ok := v1alpha1.Quantity(text).Float(); ok {
			t.Errorf("%q is no amount, got %v", text, got)
		}
	}
	var q v1alpha1.Quantity
	if err := json.Unmarshal([]byte(`0.5`), &q); err != nil || q != "0.5" {
		t.Errorf("got %q, %v", q, err)
	}
}

func TestNewUIDMakesAUIDThatTheDocumentTakes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		uid, err := v1alpha1.NewUID(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p := read(t, minimal)
		p.Metadata.UID = uid
		if found := v1alpha1.Validate(p, nil); len(found) > 0 {
			t.Errorf("%s: %v", uid, found)
		}
		seen[uid] = true
	}
	if len(seen) < 99 {
		t.Errorf("%d of 100 are different", len(seen))
	}
}

func ExampleJoin() {
	path := v1alpha1.Join(v1alpha1.Join("spec.apps", "web"), "routes")
	fmt.Println(v1alpha1.Join(path, 0))
	fmt.Println(v1alpha1.Join("spec.cluster.labels", "example.com/tier"))
	// Output:
	// spec.apps.web.routes[0]
	// spec.cluster.labels["example.com/tier"]
}
