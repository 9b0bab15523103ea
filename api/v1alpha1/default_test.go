// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
)

// read is a document from JSON.
func read(t *testing.T, text string) *v1alpha1.Platform {
	t.Helper()
	var p v1alpha1.Platform
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

const minimal = `{"apiVersion": "k8or.io/v1alpha1", "kind": "Platform", "metadata": {"name": "shop"}, "spec": {"region": "nyc3"}}`

func TestDefaultOfTheSmallestDocumentIsTheStartersCluster(t *testing.T) {
	t.Parallel()
	cluster := v1alpha1.Default(read(t, minimal)).Spec.Cluster
	want := v1alpha1.Cluster{
		Version: "1.36", HighAvailability: new(false), AutoUpgrade: new(true), SurgeUpgrade: new(true), VPCNative: new(true),
		NodePools:   map[string]v1alpha1.NodePool{"general": {Size: "s-2vcpu-4gb", Count: new(2)}},
		Maintenance: &v1alpha1.Maintenance{Day: "sunday", Start: "04:00"},
	}
	if !reflect.DeepEqual(cluster, want) {
		got, _ := json.Marshal(cluster)
		t.Errorf("got %s", got)
	}
}

func TestDefaultFillsInWhatIsOpenAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ why, spec, want string }{
		"given fields stay": {"false and 0 are answers too",
			`{"cluster": {"autoUpgrade": false, "maintenance": {"day": "monday"}, "nodePools": {"a": {"size": "c-2", "count": 1}}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"version": "1.36", "highAvailability": false, "nodePools": {"a": {"size": "c-2", "count": 1}},
			  "maintenance": {"day": "monday", "start": "04:00"}, "autoUpgrade": false, "surgeUpgrade": true, "vpcNative": true}}`},
		"an existing cluster": {"is somebody else's",
			`{"cluster": {"existing": "prod-1"}}`, `{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "prod-1"}}`},
		"an exact release": {"is not moved by DigitalOcean",
			`{"cluster": {"version": "1.36.3-do.0", "nodePools": {"a": {"size": "c-2", "count": 1}}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"version": "1.36.3-do.0", "highAvailability": false, "nodePools": {"a": {"size": "c-2", "count": 1}},
			  "maintenance": {"day": "sunday", "start": "04:00"}, "autoUpgrade": false, "surgeUpgrade": true, "vpcNative": true}}`},
		"a gateway": {"is NGINX behind a network load balancer",
			`{"cluster": {"existing": "x"}, "gateways": {"public": {}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "x"}, "gateways": {"public": {"product": "nginx", "size": "small", "loadBalancer": {"type": "network", "sizeUnit": 1}}}}`},
		"an existing gateway": {"has no load balancer of ours",
			`{"cluster": {"existing": "x"}, "gateways": {"public": {"product": "existing", "existing": {"class": "n"}}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "x"}, "gateways": {"public": {"product": "existing", "existing": {"class": "n"}}}}`},
		"a web app": {"has a port",
			`{"cluster": {"existing": "x"}, "apps": {"a": {"image": "docker.io/a/b:1", "port": 80, "probe": {}, "routes": [{}]}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "x"}, "apps": {"a": {"kind": "web", "image": "docker.io/a/b:1", "namespace": "apps", "port": 80, "replicas": 2,
			  "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}, "probe": {}, "routes": [{"path": "/"}]}}}`},
		"an app with a volume": {"runs once",
			`{"cluster": {"existing": "x"}, "apps": {"a": {"image": "docker.io/a/b:1", "volumes": {"data": {"size": "1Gi", "path": "/data"}}, "resources": {}}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "x"}, "apps": {"a": {"kind": "worker", "image": "docker.io/a/b:1", "namespace": "apps", "replicas": 1,
			  "resources": {}, "volumes": {"data": {"size": "1Gi", "path": "/data", "class": "do-block-storage-retain"}}}}}`},
		"a cron app": {"has no replicas",
			`{"cluster": {"existing": "x"}, "apps": {"a": {"image": "docker.io/a/b:1", "schedule": "0 0 * * *", "resources": {}}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "x"}, "apps": {"a": {"kind": "cron", "image": "docker.io/a/b:1", "namespace": "apps", "resources": {}, "schedule": "0 0 * * *"}}}`},
		"an app from manifests": {"says itself how it runs",
			`{"cluster": {"existing": "x"}, "apps": {"a": {"manifests": "deploy"}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "x"}, "apps": {"a": {"manifests": "deploy", "namespace": "apps"}}}`},
		"an autoscaled app": {"has no fixed number of copies",
			`{"cluster": {"existing": "x"}, "apps": {"a": {"image": "docker.io/a/b:1", "port": 80, "resources": {}, "autoscale": {"min": 2, "max": 4}}}}`,
			`{"catalog": "2026.11", "region": "nyc3", "cluster": {"existing": "x"}, "apps": {"a": {"kind": "web", "image": "docker.io/a/b:1", "namespace": "apps", "port": 80, "resources": {}, "autoscale": {"min": 2, "max": 4, "cpu": 75}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := read(t, minimal)
			if err := json.Unmarshal([]byte(test.spec), &p.Spec); err != nil {
				t.Fatal(err)
			}
			before, _ := json.Marshal(p)
			filled := v1alpha1.Default(p)
			got, _ := json.Marshal(filled.Spec)
			if !reflect.DeepEqual(anything(t, got), anything(t, []byte(test.want))) {
				t.Errorf("%s:\ngot  %s\nwant %s", test.why, got, test.want)
			}
			if after, _ := json.Marshal(p); !bytes.Equal(before, after) {
				t.Error("the document itself was changed")
			}
			if again := v1alpha1.Default(filled); !reflect.DeepEqual(again, filled) {
				t.Error("filling in twice is not filling in once")
			}
		})
	}
}

func anything(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// full is a value of a type with something in each field, to its depth.
func full(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(full(t.Elem()))
	case reflect.Struct:
		for i := range t.NumField() {
			v.Field(i).Set(full(t.Field(i).Type))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.ValueOf("key"), full(t.Elem()))
	case reflect.Slice:
		v.Set(reflect.Append(v, full(t.Elem())))
	case reflect.Interface:
		v.Set(reflect.ValueOf([]any{map[string]any{"a": "b"}}))
	case reflect.String:
		v.SetString("text")
	}
	return v
}

func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	p := full(reflect.TypeFor[*v1alpha1.Platform]()).Interface().(*v1alpha1.Platform)
	c := p.Clone()
	if !reflect.DeepEqual(p, c) {
		t.Fatal("the copy differs")
	}
	shared(t, "Platform", reflect.ValueOf(p), reflect.ValueOf(c))
}

// shared reports the maps, slices and pointers that two values have in common.
func shared(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", path)
			return
		}
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		shared(t, path, a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			shared(t, path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	case reflect.Map:
		for _, key := range a.MapKeys() {
			shared(t, path+"[]", a.MapIndex(key), b.MapIndex(key))
		}
	case reflect.Slice:
		for i := range a.Len() {
			shared(t, path+"[]", a.Index(i), b.Index(i))
		}
	}
}

// Default and Validate walk any document without a panic, however much is in it.
func TestAFullDocumentIsWalked(t *testing.T) {
	t.Parallel()
	p := full(reflect.TypeFor[*v1alpha1.Platform]()).Interface().(*v1alpha1.Platform)
	v1alpha1.Default(p)
	if len(v1alpha1.Validate(p, nil)) == 0 || len(v1alpha1.Validate(p, v1alpha1.Available{})) == 0 {
		t.Error("nonsense was accepted")
	}
	v1alpha1.Default(&v1alpha1.Platform{})
	v1alpha1.Validate(&v1alpha1.Platform{}, nil)
}

func TestTopicsHaveNoMoreCopiesThanBrokers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ brokers, replicas, inSync int }{{1, 1, 1}, {2, 2, 1}, {3, 3, 2}, {7, 3, 2}} {
		p := &v1alpha1.Platform{Spec: v1alpha1.Spec{Messaging: map[string]v1alpha1.Messaging{"events": {Product: "kafka", Brokers: new(row.brokers), Topics: map[string]v1alpha1.Topic{"clicks": {}}}}}}
		topic := v1alpha1.Default(p).Spec.Messaging["events"].Topics["clicks"]
		if *topic.Replicas != row.replicas || *topic.MinInSync != row.inSync {
			t.Errorf("%d brokers: %d copies and %d in sync, want %d and %d", row.brokers, *topic.Replicas, *topic.MinInSync, row.replicas, row.inSync)
		}
	}
}
