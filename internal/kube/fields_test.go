// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFieldChangesArePathsWithBothValues(t *testing.T) {
	t.Parallel()
	before := parse(t, `{apiVersion: v1, kind: X, spec: {replicas: 2, ports: [{name: web, port: 80}, {name: admin, port: 81}], args: [a, b], gone: {deep: true}}}`)
	after := parse(t, `{apiVersion: v1, kind: X, spec: {replicas: 3, ports: [{name: admin, port: 81}, {name: web, port: 8080}], args: [a], "with.dot/slash": new}}`)
	var got []string
	for _, f := range compareFields(before.Object, after.Object, false) {
		got = append(got, f.String())
	}
	want := []string{
		"spec.args[1]: \"b\" -> (unset)",
		"spec.gone.deep: true -> (unset)",
		"spec.ports[web].port: 80 -> 8080",
		"spec.replicas: 2 -> 3",
		"spec[with.dot/slash]: (unset) -> \"new\"",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFieldChangesOfASecretShowNoValue(t *testing.T) {
	t.Parallel()
	before := parse(t, `{apiVersion: v1, kind: Secret, type: Opaque, metadata: {annotations: {last-applied: hunter2}}, data: {password: aHVudGVyMg==, user: YQ==}}`)
	after := parse(t, `{apiVersion: v1, kind: Secret, type: Other, metadata: {annotations: {last-applied: hunter3}}, data: {password: aHVudGVyMw==, token: dA==}}`)
	var lines []string
	for _, f := range compareFields(before.Object, after.Object, true) {
		lines = append(lines, f.String())
	}
	got := strings.Join(lines, "\n")
	for _, secret := range []string{"aHVudGVy", "hunter", "YQ==", "dA=="} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is shown in\n%s", secret, got)
		}
	}
	for _, line := range []string{"data.password: [hidden] -> [hidden, changed]", "data.token: (unset) -> [hidden]", `type: "Opaque" -> "Other"`} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
}

func TestHashLeavesOutWhatSecretsHold(t *testing.T) {
	t.Parallel()
	one := parse(t, `{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {password: one}}`)
	two := parse(t, `{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {password: two}}`)
	other := parse(t, `{apiVersion: v1, kind: Secret, metadata: {name: b}}`)
	hash := func(o *unstructured.Unstructured) string { return hashOf([]*unstructured.Unstructured{o}) }
	if hash(one) != hash(two) {
		t.Error("the hash gives a password away")
	}
	if hash(one) == hash(other) {
		t.Error("the hash is the same for different objects")
	}
	if one.Object["stringData"] == nil {
		t.Error("hashing changed the object")
	}
}
