// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"cmp"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

const (
	adminSecret = "grafana-admin"
	ssoSecret   = "grafana-sso"
)

// admin is the Secret with Grafana's first user.
func admin(e entry) kube.Derived {
	return kube.Derived{Name: adminSecret, Namespace: e.Namespace(), Fields: []kube.Field{{Key: "admin-user", Text: "admin"}, {Key: "admin-password", Random: 24}}}
}

// console are Grafana's values for a public address and for single sign-on, and the Secrets that they need.
func console(p product.Platform, e entry) (map[string]any, []kube.Derived, error) {
	c := e.Spec.Console
	if c == nil {
		return nil, nil, nil
	}
	ini, out := map[string]any{}, map[string]any{}
	out["grafana.ini"] = ini
	if c.Host != "" {
		ini["server"] = map[string]any{"root_url": "https://" + c.Host, "domain": c.Host}
	}
	if c.SSO == nil {
		return out, nil, nil
	}
	o := e.Options.SSO
	if o == nil || o.AuthURL == "" || o.TokenURL == "" || o.UserInfoURL == "" {
		return nil, nil, &problem.Problem{Code: problem.BadOptions, Kind: problem.Preflight, Path: "spec.monitoring.options",
			Title: "single sign-on to Grafana needs the provider's endpoints", Why: "Grafana does not discover them by itself",
			Fix: fmt.Sprintf("add `options: {sso: {authURL: …, tokenURL: …, userInfoURL: …}}`; they stand in %s/.well-known/openid-configuration", strings.TrimRight(c.SSO.IssuerURL, "/"))}
	}
	ini["auth.generic_oauth"] = map[string]any{
		"enabled": true, "name": providerOf(c.SSO.IssuerURL), "client_id": c.SSO.ClientID, "scopes": "openid profile email", "use_pkce": true,
		"auth_url": o.AuthURL, "token_url": o.TokenURL, "api_url": o.UserInfoURL,
		"role_attribute_path": "'" + cmp.Or(o.Role, "Viewer") + "'", "allow_sign_up": true,
	}
	out["envValueFrom"] = map[string]any{"GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET": map[string]any{"secretKeyRef": map[string]any{"name": ssoSecret, "key": "client-secret"}}}
	field, err := p.SecretField("client-secret", c.SSO.ClientSecret, "spec.monitoring.console.sso.clientSecret", e.Namespace())
	if err != nil {
		return nil, nil, err
	}
	return out, []kube.Derived{{Name: ssoSecret, Namespace: e.Namespace(), Fields: []kube.Field{field}}}, nil
}

// providerOf is what the button of Grafana's page says one signs in with: the host of the provider.
func providerOf(issuerURL string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(issuerURL, "https://"), "/")
	return host
}

// source is the Secret of a data source, read by Grafana's sidecar. Credentials are copied to it in the cluster.
func source(e entry, s product.DataSource) kube.Derived {
	uid := uidOf(s.Entry)
	d := kube.Derived{Name: "datasource-" + uid, Namespace: e.Namespace(), Labels: map[string]string{"grafana_datasource": "1"}}
	for i, from := range []*kube.SecretKey{s.Username, s.Password, s.CA} {
		if from != nil {
			d.Fields = append(d.Fields, kube.Field{Key: [...]string{"username", "password", "ca"}[i], From: from, Unwritten: true})
		}
	}
	d.Fields = append(d.Fields, kube.Field{Key: uid + ".yaml", Compute: func(secrets map[string][]byte, _ []byte) ([]byte, error) {
		settings := product.Merge(s.JSON, nil)
		one := dict{"name": s.Name, "type": s.Type, "uid": uid, "url": s.URL, "access": "proxy", "jsonData": settings}
		secure := dict{}
		if s.Username != nil {
			one["basicAuth"], one["basicAuthUser"] = true, string(secrets["username"])
		}
		if s.Password != nil {
			secure["basicAuthPassword"] = string(secrets["password"])
		}
		if s.CA != nil {
			settings["tlsAuthWithCACert"], secure["tlsCACert"] = true, string(secrets["ca"])
		}
		if len(secure) > 0 {
			one["secureJsonData"] = secure
		}
		return yaml.Marshal(dict{"apiVersion": 1, "datasources": list{one}})
	}})
	return d
}

// sources are Grafana's data sources for this product's own stores. The chart's dashboards ask the one called prometheus.
func sources(e entry) kube.Derived {
	at := func(kind string, port int) string {
		return fmt.Sprintf("http://%s-%s.%s:%d", name, kind, e.Namespace(), port)
	}
	return kube.Derived{Name: "datasource-" + name, Namespace: e.Namespace(), Labels: map[string]string{"grafana_datasource": "1"},
		Fields: []kube.Field{{Key: name + ".yaml", Compute: func(map[string][]byte, []byte) ([]byte, error) {
			return yaml.Marshal(dict{"apiVersion": 1, "datasources": list{
				dict{"name": "Prometheus", "type": "prometheus", "uid": "prometheus", "url": at("prometheus", 9090), "access": "proxy", "isDefault": true,
					"jsonData": dict{"httpMethod": "POST", "timeInterval": "30s"}},
				dict{"name": "Alertmanager", "type": "alertmanager", "uid": "alertmanager", "url": at("alertmanager", 9093), "access": "proxy",
					"jsonData": dict{"implementation": "prometheus", "handleGrafanaManagedAlerts": false}},
			}})
		}}}}
}
