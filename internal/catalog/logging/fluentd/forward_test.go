// SPDX-License-Identifier: Apache-2.0

package fluentd

import (
	"slices"
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/logging"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// Fluentd shows a certificate of a Secret that it mounts, and that Secret has the authority which the agents believe. Of the key, the
// agents see nothing.
func TestTheAgentsBelieveFluentdsCertificate(t *testing.T) {
	t.Parallel()
	e := entry{ID: "logging", Spec: v1alpha1.Logging{}}
	s := product.LogSink{Entry: "logging/sink", Address: "logs.example.com:9200", Plain: true}
	text, err := config(e, s)
	if err != nil {
		t.Fatal(err)
	}
	values := chartValues(e, s, text)
	for _, key := range []string{kube.CertificateKey, kube.PrivateKeyKey} {
		if !strings.Contains(text, "_path "+forwardFolder+"/"+key) {
			t.Errorf("Fluentd does not read %s:\n%s", key, text)
		}
	}
	mount := values["volumeMounts"].([]any)[0].(map[string]any)
	volume := values["volumes"].([]any)[0].(map[string]any)
	if mount["mountPath"] != forwardFolder || mount["name"] != volume["name"] || volume["secret"].(map[string]any)["secretName"] != keySecret {
		t.Errorf("Fluentd mounts %v of %v", mount, volume)
	}
	of := slices.IndexFunc(secrets(e, s), func(d kube.Derived) bool { return d.Name == keySecret })
	var keys []string
	for _, f := range secrets(e, s)[of].Fields {
		keys = append(keys, f.Key)
	}
	if want := []string{logging.KeyField, kube.PrivateKeyKey, kube.CertificateKey, kube.AuthorityKey}; !slices.Equal(keys, want) {
		t.Errorf("the Secret %s has %v, want %v", keySecret, keys, want)
	}
}

// The output plug-in drops, at the level debug, every record that it is to create and that has no id.
func TestRecordsHaveAnIDWhenTheyAreHandedOn(t *testing.T) {
	t.Parallel()
	text, err := config(entry{ID: "logging"}, product.LogSink{Entry: "logging/sink", Address: "logs.example.com:9200"})
	if err != nil {
		t.Fatal(err)
	}
	made, used := strings.Index(text, "hash_id_key "+idField), strings.Index(text, "id_key "+idField+"\n  remove_keys "+idField)
	if made < 0 || used < made || !strings.Contains(text[:made], "@type elasticsearch_genid") {
		t.Errorf("records come to the output without an id, by which all of them are dropped:\n%s", text)
	}
}
