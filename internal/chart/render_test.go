// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/loader/archive"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func demo(t *testing.T) *Chart {
	t.Helper()
	c, err := Load("testdata/demo")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func options() Options {
	return Options{ReleaseName: "shop", Namespace: "gateway-public", KubeVersion: "1.36", IncludeCRDs: true}
}

func mustRender(t *testing.T, o Options) Rendered {
	t.Helper()
	r, err := Render(t.Context(), demo(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func names(objects []*unstructured.Unstructured) []string {
	var out []string
	for _, o := range objects {
		out = append(out, describe(o))
	}
	return out
}

func object(t *testing.T, r Rendered, name string) *unstructured.Unstructured {
	t.Helper()
	i := slices.IndexFunc(r.Objects, func(o *unstructured.Unstructured) bool { return describe(o) == name })
	if i < 0 {
		t.Fatalf("no %s in %v", name, names(r.Objects))
	}
	return r.Objects[i]
}

func TestRenderSortsForInstallAndGivesNamespacedObjectsTheNamespace(t *testing.T) {
	t.Parallel()
	r := mustRender(t, options())
	want := []string{
		"ServiceAccount/gateway-public/listed", "ConfigMap/gateway-public/facts", "ClusterRole/reader", "Deployment/gateway-public/shop",
		"ClusterIssuer/elsewhere", // its CRD comes from elsewhere, so its scope is not known here
		"Widget/gateway-public/first",
	}
	if diff := cmp.Diff(want, names(r.Objects)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CustomResourceDefinition/widgets.example.com"}, names(r.CRDs)); diff != "" {
		t.Error(diff)
	}
	if r.Notes != "Thanks for installing shop." {
		t.Errorf("notes: %q", r.Notes)
	}
}

func TestRenderGivesTheSameBytesEachTime(t *testing.T) {
	t.Parallel()
	o := options()
	o.Values = map[string]any{"cache": map[string]any{"enabled": true}}
	one, err := json.Marshal(mustRender(t, o))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := json.Marshal(mustRender(t, o))
		if err != nil {
			t.Fatal(err)
		}
		if string(one) != string(again) {
			t.Fatalf("rendered differently:\n%s\n%s", one, again)
		}
	}
	if diff := cmp.Diff(map[string]any{"cache": map[string]any{"enabled": true}}, o.Values); diff != "" {
		t.Errorf("the caller's values were changed: %s", diff)
	}
}

func TestRenderSeesAPlatformRatherThanACluster(t *testing.T) {
	t.Parallel()
	o := options()
	o.APIVersions = []string{"monitoring.coreos.com/v1"}
	o.IsUpgrade = true
	data, _, _ := unstructured.NestedStringMap(object(t, mustRender(t, o), "ConfigMap/gateway-public/facts").Object, "data")
	want := map[string]string{"kube": "v1.36.0", "ingress": "true", "oldPolicy": "false", "monitors": "true", "upgrade": "true",
		"found": "0", "unusedDice": "5", "dice": "fixed"}
	if diff := cmp.Diff(want, data); diff != "" {
		t.Error(diff)
	}
}

func TestRenderEnablesSubchartsByTheirCondition(t *testing.T) {
	t.Parallel()
	o := options()
	if slices.Contains(names(mustRender(t, o).Objects), "Service/gateway-public/cache") {
		t.Error("the subchart is there although its condition is false")
	}
	o.Values = map[string]any{"cache": map[string]any{"enabled": true, "port": 7000}}
	ports, _, _ := unstructured.NestedSlice(object(t, mustRender(t, o), "Service/gateway-public/cache").Object, "spec", "ports")
	if got := ports[0].(map[string]any)["port"]; got != int64(7000) {
		t.Errorf("port %v (%T), want 7000", got, got)
	}
}

func TestRenderSetsHooksApart(t *testing.T) {
	t.Parallel()
	r := mustRender(t, options())
	var got []string
	for _, h := range r.Hooks {
		got = append(got, describe(h.Object))
	}
	want := []string{"ServiceAccount/gateway-public/migrate", "Job/gateway-public/farewell", "Job/gateway-public/migrate"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Skipped{{"Pod", "try", "test"}}, r.Skipped); diff != "" {
		t.Error(diff)
	}
	if got := len(r.On(PreInstall)); got != 2 {
		t.Errorf("%d hooks before install, want 2", got)
	}
	if diff := cmp.Diff([]DeletePolicy{WhenSucceeded, BeforeCreation}, r.Hooks[0].DeletePolicies); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]DeletePolicy{BeforeCreation}, r.Hooks[1].DeletePolicies); diff != "" {
		t.Error(diff)
	}
	other := options()
	other.Values = map[string]any{"replicas": 3}
	key := func(r Rendered, e Event) string { return r.Key(e, r.On(e)[0]) }
	if a, b := key(r, PreInstall), key(mustRender(t, options()), PreInstall); a != b {
		t.Errorf("one hook has two keys: %s, %s", a, b)
	}
	if a, b := key(r, PreInstall), key(mustRender(t, other), PreInstall); a == b {
		t.Errorf("other values, and still the key %s", a)
	}
	if got := r.On(PreDelete); len(got) != 1 || got[0].Object.GetName() != "farewell" {
		t.Errorf("delete hooks: %v", got)
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		why    string
		change func(*Options)
		says   []string
	}{
		"unknown hook":   {"only Helm could run it", func(o *Options) { o.Values = map[string]any{"hook": "crd-install"} }, []string{"crd-install", "release: true", "migrate"}},
		"bad values":     {"the schema says at least one", func(o *Options) { o.Values = map[string]any{"replicas": 0} }, []string{"demo", "replicas"}},
		"unstable":       {"every plan would show a change", func(o *Options) { o.Values = map[string]any{"random": "dice"} }, []string{"ConfigMap/gateway-public/facts", "randAlphaNum"}},
		"old Kubernetes": {"the chart's own constraint", func(o *Options) { o.KubeVersion = "1.29" }, []string{"1.29", ">=1.30.0-0"}},
		"no version":     {"nothing may depend on this binary's own", func(o *Options) { o.KubeVersion = "" }, []string{"Kubernetes version"}},
		"broken output":  {"not YAML", func(o *Options) { o.Values = map[string]any{"image": "a: b: c"} }, []string{"all.yaml"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			tt.change(&o)
			_, err := Render(t.Context(), demo(t), o)
			if err == nil {
				t.Fatalf("no error, although %s", tt.why)
			}
			for _, part := range append(tt.says, "demo 1.2.3", "K8OR-300") {
				if !strings.Contains(said(err), part) {
					t.Errorf("%q is missing in: %s", part, said(err))
				}
			}
		})
	}
}

func TestRenderNeverFollowsASchemaOntoTheNetwork(t *testing.T) {
	t.Parallel()
	c := demo(t)
	i := slices.IndexFunc(c.files, func(f *archive.BufferedFile) bool { return f.Name == "values.schema.json" })
	c.files[i] = &archive.BufferedFile{Name: "values.schema.json",
		Data: []byte(`{"properties":{"service":{"$ref": "https://schemas.invalid/v1.34/service.json#/x"}}}`)}
	o := options()
	_, err := Render(t.Context(), c, o)
	if err == nil || !strings.Contains(err.Error(), "https://schemas.invalid/v1.34/service.json") {
		t.Errorf("got %v", err)
	}
	o.SkipSchema = true
	if _, err := Render(t.Context(), c, o); err != nil {
		t.Errorf("with the schema skipped: %v", err)
	}
}

func TestRenderErrorsHaveTypes(t *testing.T) {
	t.Parallel()
	o := options()
	o.Values = map[string]any{"hook": "crd-install"}
	_, err := Render(t.Context(), demo(t), o)
	if hook, ok := errors.AsType[*HookError](err); !ok || hook.Event != "crd-install" {
		t.Errorf("got %v", err)
	}
	o.Values = map[string]any{"random": "dice"}
	_, err = Render(t.Context(), demo(t), o)
	if unstable, ok := errors.AsType[*UnstableError](err); !ok || len(unstable.Objects) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestImagesFindsEveryImageOnce(t *testing.T) {
	t.Parallel()
	want := []string{"registry.example.com/demo:9.9", "registry.example.com/init:1", "registry.example.com/widget:1"}
	if diff := cmp.Diff(want, Images(mustRender(t, options()).Objects)); diff != "" {
		t.Error(diff)
	}
}

func TestPlaceGivesNamespacedObjectsTheNamespace(t *testing.T) {
	t.Parallel()
	objects, err := decode("all.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n---\n"+
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: own}\n---\napiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: d}\n")
	if err != nil {
		t.Fatal(err)
	}
	Place(objects, "apps")
	if diff := cmp.Diff([]string{"ConfigMap/apps/a", "Namespace/b", "ConfigMap/own/c", "Issuer/d"}, names(objects)); diff != "" {
		t.Error(diff)
	}
}
