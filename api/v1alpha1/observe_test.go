// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
)

func TestWhoWatchesAndWhoIsToldIsChecked(t *testing.T) {
	t.Parallel()
	const app = `"image": "docker.io/a/b:1", "port": 80`
	const alert = `"alerts": {"slow": {"expression": "up < 1", "summary": "it is slow"%s}}`
	store := `"databases": {"logs": {"product": "digitalocean", "engine": "opensearch"}, "orders": {"product": "digitalocean", "engine": "postgresql"}}, `
	two := `"gateways": {"a": {"domains": ["shop.example.com"]}, "b": {"domains": ["*.example.org"]}}, `
	for why, c := range map[string]struct {
		spec string
		want []string
	}{
		"everything is said":                 {two + `"monitoring": {"console": {"host": "grafana.example.org"}, "receivers": {"oncall": {"email": {"to": ["a@b.c"], "from": "k8or@b.c", "server": "mail.b.c:587"}}}}, "apps": {"a": {` + app + fmt.Sprintf(", "+alert, `, "receiver": "oncall"`) + `}}`, nil},
		"all receivers are told":             {`"monitoring": {"receivers": {"oncall": {"email": {"to": ["a@b.c"], "from": "k8or@b.c", "server": "mail.b.c:587"}}}}, "apps": {"a": {` + app + fmt.Sprintf(", "+alert, "") + `}}`, nil},
		"a receiver that tells nobody":       {`"monitoring": {"receivers": {"oncall": {}}}`, []string{"K8OR-0901 spec.monitoring.receivers.oncall"}},
		"alerts that nobody raises":          {`"apps": {"a": {` + app + fmt.Sprintf(", "+alert, "") + `}}`, []string{"K8OR-0902 spec.apps.a.alerts"}},
		"a receiver that is not there":       {`"monitoring": {}, "apps": {"a": {` + app + fmt.Sprintf(", "+alert, `, "receiver": "oncal"`) + `}}`, []string{v1alpha1.CodeBadReference + " spec.apps.a.alerts.slow.receiver"}},
		"an allow-list without a host":       {`"monitoring": {"console": {"allow": ["203.0.113.7"]}}`, []string{"K8OR-0903 spec.monitoring.console.allow"}},
		"a host that is a URL":               {two + `"monitoring": {"console": {"host": "https://grafana.example.org"}}`, []string{v1alpha1.CodeBadFormat + " spec.monitoring.console.host"}},
		"a public page without a way in":     {`"monitoring": {"console": {"host": "grafana.example.org"}}`, []string{"K8OR-0903 spec.monitoring.console.host"}},
		"a host that no gateway takes":       {two + `"logging": {"sink": {"console": {"host": "kibana.example.net"}}}`, []string{"K8OR-0903 spec.logging.sink.console.host"}},
		"two gateways that take every host":  {`"gateways": {"a": {}, "b": {}}, "monitoring": {"console": {"host": "grafana.example.org"}}`, []string{"K8OR-0903 spec.monitoring.console.host"}},
		"a gateway named beside an open one": {`"gateways": {"a": {"domains": ["*.example.org"]}, "b": {}}, "monitoring": {"console": {"host": "grafana.example.org"}}`, nil},
		"logs in a database":                 {store + `"logging": {"sink": {"product": "opensearch", "database": "databases/logs", "retention": "2w"}}`, nil},
		"logs in a database of no engine":    {store + `"logging": {"sink": {"product": "opensearch", "database": "databases/orders"}}`, []string{v1alpha1.CodeBadReference + " spec.logging.sink.database"}},
		"logs in no database":                {`"logging": {"sink": {"product": "opensearch"}}`, []string{v1alpha1.CodeBadReference + " spec.logging.sink.database"}},
		"a database beside Elasticsearch":    {store + `"logging": {"sink": {"database": "databases/logs"}}`, []string{"K8OR-0904 spec.logging.sink.database"}},
		"a database of a size of its own":    {store + `"logging": {"sink": {"product": "opensearch", "database": "databases/logs", "size": "large"}}`, []string{"K8OR-0904 spec.logging.sink.size"}},
	} {
		p := read(t, minimal)
		if err := json.Unmarshal([]byte("{"+c.spec+"}"), &p.Spec); err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		var got []string
		for _, e := range v1alpha1.Validate(p, nil) {
			if e.What == "" || e.Fix == "" {
				t.Errorf("%s: %s says not what is wrong or how to mend it", why, e.Path)
			}
			got = append(got, e.Code+" "+e.Path)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", why, got, c.want)
		}
	}
}

func TestAWrongReceiverIsToldWithThoseThereAre(t *testing.T) {
	t.Parallel()
	p := read(t, minimal)
	p.Spec.Monitoring = &v1alpha1.Monitoring{Receivers: map[string]v1alpha1.Receiver{"oncall": {Webhook: &v1alpha1.Secret{From: v1alpha1.From{Env: "X"}}}}}
	p.Spec.Apps = map[string]v1alpha1.App{"a": {Image: "docker.io/a/b:1", Alerts: map[string]v1alpha1.Alert{"slow": {Expression: "up < 1", Receiver: "oncal"}}}}
	for _, e := range v1alpha1.Validate(p, nil) {
		if e.Code == v1alpha1.CodeBadReference {
			if e.Given != "oncal" || !slices.Equal(e.Choices, []string{"oncall"}) {
				t.Errorf("given %q, choices %q", e.Given, e.Choices)
			}
			return
		}
	}
	t.Error("nobody says that there is no such receiver")
}
