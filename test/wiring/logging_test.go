// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"path"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/product"
)

// section is one part of Fluent Bit's configuration.
type section struct {
	kind     string
	settings map[string]string
}

func sections(text string) []section {
	var out []section
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			out = append(out, section{strings.Trim(line, "[]"), map[string]string{}})
		} else if key, value, ok := strings.Cut(line, " "); ok && len(out) > 0 {
			out[len(out)-1].settings[key] = strings.TrimSpace(value)
		}
	}
	return out
}

// glob is how Fluent Bit compares tags and files: a star is anything. Neither has a slash where a star stands.
func glob(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return err == nil && ok
}

// fluentd compares a tag with a pattern of Fluentd's, of the form "first.**" or "**".
func fluentd(pattern, tag string) bool {
	first, rest := strings.CutSuffix(pattern, ".**")
	return pattern == "**" || rest && (tag == first || strings.HasPrefix(tag, first+".")) || pattern == tag
}

// logFile is the name of a container's log on its node, as the kubelet makes it.
func logFile(pod, namespace, container string) string {
	return "/var/log/containers/" + pod + "_" + namespace + "_" + container + "-" + strings.Repeat("0a", 32) + ".log"
}

// read follows a file through Fluent Bit: its tag, and the parsers of several lines that it meets. It is empty for a file
// that no input reads.
func read(t *testing.T, config []section, file string) (tag string, multiline []string) {
	t.Helper()
	for _, s := range config {
		switch {
		case s.kind == "INPUT" && s.settings["Name"] == "tail" && glob(s.settings["Path"], file):
			if slices.ContainsFunc(strings.Split(s.settings["Exclude_Path"], ","), func(p string) bool { return glob(p, file) }) {
				continue
			}
			tag = strings.Replace(s.settings["Tag"], "*", strings.ReplaceAll(strings.TrimPrefix(file, "/"), "/", "."), 1)
		case s.kind == "FILTER" && s.settings["Name"] == "multiline" && tag != "" && glob(s.settings["Match"], tag):
			multiline = append(multiline, strings.Split(s.settings["multiline.parser"], ", ")...)
		}
	}
	return tag, multiline
}

func agents(t *testing.T, w world) []section {
	t.Helper()
	text, ok, err := unstructured.NestedString(w.one(t, "ConfigMap", "fluent-bit-config").Object, "data", "fluent-bit.conf")
	if err != nil || !ok {
		t.Fatal("the agents have no configuration")
	}
	return sections(text)
}

func TestTheToysLogIsReadJoinedAndHandedOn(t *testing.T) {
	t.Parallel()
	w := compose(t)
	config := agents(t, w)
	tag, multiline := read(t, config, logFile("toy-6d4cf56db6-x2xkq", toyNamespace, "toy"))
	if tag == "" || !slices.Equal(multiline, []string{"java"}) {
		t.Fatalf("the toy's log has tag %q and is joined by %v, want java: %+v", tag, multiline, config)
	}
	if _, others := read(t, config, logFile("quiet-1", "toys", "toys-a")); len(others) > 0 {
		t.Errorf("the log of a namespace whose pods write no traces is joined by %v", others)
	}
	out := config[len(config)-1]
	if out.kind != "OUTPUT" || !glob(out.settings["Match"], tag) {
		t.Fatalf("nothing hands on %s: %v", tag, out)
	}

	// The address leads to a Service that is there, and that to Fluentd's pods.
	host := strings.Split(out.settings["Host"], ".")
	service := w.one(t, "Service", host[0])
	pods := texts(t, w.one(t, "StatefulSet", "fluentd"), "spec", "template", "metadata", "labels")
	selector := &unstructured.Unstructured{Object: map[string]any{"kind": "Service", "spec": map[string]any{"selector": map[string]any{"matchLabels": service.Object["spec"].(map[string]any)["selector"]}}}}
	if service.GetNamespace() != host[1] || !selects(t, selector, pods, "spec", "selector") {
		t.Errorf("the agents hand on to %s, and the Service is %s/%s for %v", out.settings["Host"], service.GetNamespace(), service.GetName(), service.Object["spec"])
	}
	agent := texts(t, w.one(t, "DaemonSet", "fluent-bit"), "spec", "template", "metadata", "labels")
	rules, _, _ := unstructured.NestedSlice(w.one(t, "NetworkPolicy", "fluentd").Object, "spec", "ingress")
	who := &unstructured.Unstructured{Object: map[string]any{"kind": "peer", "from": rules[0].(map[string]any)["from"].([]any)[0]}}
	if !selects(t, who, agent, "from", "podSelector") {
		t.Errorf("Fluentd lets in %v, which the agents' pods with labels %v are not", who.Object["from"], agent)
	}

	// They speak TLS, and check whom they hand on to.
	if out.settings["tls"] != "On" || out.settings["tls.verify"] != "On" || out.settings["tls.verify_hostname"] != "On" || out.settings["tls.vhost"] != out.settings["Host"] {
		t.Errorf("the agents do not check whom they hand on to: %v", out.settings)
	}

	// Fluentd has a match for the tag.
	text, _, _ := unstructured.NestedString(w.one(t, "ConfigMap", "fluentd").Object, "data", "fluent.conf")
	var matched bool
	for line := range strings.SplitSeq(text, "\n") {
		if patterns, ok := strings.CutPrefix(line, "<match "); ok {
			matched = matched || slices.ContainsFunc(strings.Fields(strings.TrimSuffix(patterns, ">")), func(p string) bool { return fluentd(p, tag) })
		}
	}
	if !matched {
		t.Errorf("Fluentd has no match for %s at its top level:\n%s", tag, text)
	}
}

func TestWhatReadsLogsDoesNotReadItsOwn(t *testing.T) {
	t.Parallel()
	config := agents(t, compose(t))
	for pod, container := range map[string]string{"fluentd-0": "fluentd", "fluent-bit-x2xkq": "fluent-bit"} {
		if tag, _ := read(t, config, logFile(pod, "logging", container)); tag != "" {
			t.Errorf("the log of %s is read, with tag %s: each complaint would make another", pod, tag)
		}
	}
	if tag, _ := read(t, config, logFile("fluentd-0", toyNamespace, "fluentd")); tag == "" {
		t.Error("a pod of the same name in another namespace is left out")
	}
}

func TestTheToyIsRoutedPagedAndProbed(t *testing.T) {
	t.Parallel()
	w := compose(t)
	var ingress *unstructured.Unstructured
	for _, o := range w.of("Ingress") {
		if o.GetNamespace() == toyNamespace {
			ingress = o
		}
	}
	if ingress == nil {
		t.Fatal("there is no Ingress in the toy's namespace")
	}
	class, _, _ := unstructured.NestedString(ingress.Object, "spec", "ingressClassName")
	w.one(t, "IngressClass", class)
	rules, _, _ := unstructured.NestedSlice(ingress.Object, "spec", "rules")
	if rules[0].(map[string]any)["host"] != "toy.example.com" {
		t.Errorf("the Ingress is for %v", rules)
	}
	if !slices.ContainsFunc(w.Pages(), func(p product.Page) bool { return p.Entry == toyID }) {
		t.Error("the toy has no page")
	}
	if !slices.ContainsFunc(w.Probes(), func(p product.Probe) bool { return p.Entry == toyID }) {
		t.Error("the toy is not probed")
	}
}

// DigitalOcean's gateway finds the toy by an HTTPRoute that its listener lets join, and gets to its pods by a policy that selects
// them.
func TestTheToyIsRoutedByTheGatewayAPI(t *testing.T) {
	t.Parallel()
	w := composeWith(t, func(s *v1alpha1.Spec) { s.Gateways = map[string]v1alpha1.Gateway{"public": {Product: "doks"}} })
	routes := w.of("HTTPRoute")
	if len(routes) != 1 || routes[0].GetNamespace() != toyNamespace {
		t.Fatalf("there are %d HTTPRoutes, want one in the toy's namespace: %v", len(routes), routes)
	}
	parents, _, _ := unstructured.NestedSlice(routes[0].Object, "spec", "parentRefs")
	parent := parents[0].(map[string]any)
	gateway := w.one(t, "Gateway", parent["name"].(string))
	if gateway.GetNamespace() != parent["namespace"] {
		t.Errorf("the route asks for a Gateway in %v, which is in %s", parent["namespace"], gateway.GetNamespace())
	}
	listeners, _, _ := unstructured.NestedSlice(gateway.Object, "spec", "listeners")
	at := slices.IndexFunc(listeners, func(l any) bool { return l.(map[string]any)["name"] == parent["sectionName"] })
	if at < 0 {
		t.Fatalf("the Gateway has no listener %v: %v", parent["sectionName"], listeners)
	}
	if listener := (&unstructured.Unstructured{Object: listeners[at].(map[string]any)}); !selects(t, listener, w.namespaceLabels(t, toyNamespace), "allowedRoutes", "namespaces", "selector") {
		t.Errorf("the listener does not let routes of %s join: %v", toyNamespace, listener.Object)
	}
	policy := w.one(t, "CiliumNetworkPolicy", "public.toy")
	pods := texts(t, w.one(t, "Deployment", "toy"), "spec", "template", "metadata", "labels")
	if policy.GetNamespace() != toyNamespace || !selects(t, policy, pods, "spec", "endpointSelector") {
		t.Errorf("the policy does not select the toy's pods %v: %v", pods, policy.Object)
	}
}
