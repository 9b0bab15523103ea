// SPDX-License-Identifier: Apache-2.0

package producttest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// standing is what a cluster has that could serve somebody: what is rendered, and what operators made of it.
type standing struct {
	pods     []corev1.PodTemplateSpec // with the namespaces they are in
	services map[string]corev1.Service
	secrets  map[string]map[string][]byte
}

// standsIn reads a cluster.
func standsIn(t *testing.T, exported []byte) standing {
	var all struct {
		Objects []struct {
			Resource string
			Object   json.RawMessage
		}
	}
	read := func(raw []byte, into any) {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	read(exported, &all)
	s := standing{services: map[string]corev1.Service{}, secrets: map[string]map[string][]byte{}}
	add := func(m metav1.ObjectMeta, pods corev1.PodTemplateSpec) {
		pods.Namespace = m.Namespace
		s.pods = append(s.pods, pods)
	}
	for _, o := range all.Objects {
		switch o.Resource {
		case "deployments", "statefulsets", "daemonsets", "jobs": // alike as far as their pods go
			var w appsv1.Deployment
			read(o.Object, &w)
			add(w.ObjectMeta, w.Spec.Template)
		case "cronjobs":
			var w batchv1.CronJob
			read(o.Object, &w)
			add(w.ObjectMeta, w.Spec.JobTemplate.Spec.Template)
		case "pods":
			var p corev1.Pod
			read(o.Object, &p)
			add(p.ObjectMeta, corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec})
		case "services":
			var v corev1.Service
			read(o.Object, &v)
			s.services[v.Namespace+"/"+v.Name] = v
		case "secrets":
			var v corev1.Secret
			read(o.Object, &v)
			s.secrets[v.Namespace+"/"+v.Name] = v.Data
		}
	}
	return s
}

// serves finds what was offered and is served by nobody: targets and logs without pods, routes, pages and probes without a Service, a
// port or a Secret. What is outside of the cluster is offered as such (a MetricsEndpoint, an address) and not looked at.
func (s standing) serves(c *product.Composition) []string {
	var wrong []string
	say := func(entry graph.ID, what string, err error) {
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s offers %s: %v", entry, what, err))
		}
	}
	for _, o := range c.Offers() {
		switch o := o.(type) {
		case product.MetricsTarget:
			say(o.Entry, "metrics "+o.Name, s.target(o))
		case product.LogSource:
			_, err := s.podsOf(o.Namespace, o.Labels)
			say(o.Entry, "logs", err)
		case product.Route:
			say(o.Entry, fmt.Sprintf("a route %s%s", o.Host, o.Path), s.route(o))
		case product.Page:
			if o.Service == "" { // outside of the cluster
				continue
			}
			say(o.Entry, "the page "+o.Name, s.service(o.Namespace, o.Service, o.Port))
			say(o.Entry, "the page "+o.Name, s.keys(o.Password))
		case product.DataSource:
			say(o.Entry, "the data source "+o.Name, s.hosts(o.URL))
			say(o.Entry, "the data source "+o.Name, s.keys(o.Username, o.Password, o.CA))
		case product.LogSink:
			say(o.Entry, "a sink", s.hosts(o.Address))
			say(o.Entry, "a sink", s.keys(o.Host, o.Port, o.Username, o.Password, o.CA, o.Reader, o.ReaderPassword))
		case product.Binding:
			for _, key := range o.Keys {
				say(o.Entry, "a binding", s.keys(&kube.SecretKey{Namespace: o.Namespace, Name: o.Secret, Key: key}))
			}
		case product.Probe:
			say(o.Entry, "the probe "+o.Name, s.probe(c, o))
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// podsOf are the pods of a namespace that bear some labels.
func (s standing) podsOf(namespace string, selector map[string]string) ([]corev1.PodTemplateSpec, error) {
	var out []corev1.PodTemplateSpec
	var others []string
	for _, p := range s.pods {
		switch {
		case p.Namespace != namespace:
		case labels.SelectorFromSet(selector).Matches(labels.Set(p.Labels)):
			out = append(out, p)
		default:
			others = append(others, labels.FormatLabels(p.Labels))
		}
	}
	if len(out) == 0 {
		slices.Sort(others)
		return nil, fmt.Errorf("no pod of namespace %s bears %s; those there bear %q", namespace, labels.FormatLabels(selector), slices.Compact(others))
	}
	return out, nil
}

// target says what keeps a target from being scraped.
func (s standing) target(m product.MetricsTarget) error {
	if m.OfService {
		for _, v := range s.services {
			if v.Namespace == m.Namespace && labels.SelectorFromSet(m.Labels).Matches(labels.Set(v.Labels)) {
				i := slices.IndexFunc(v.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == m.Port })
				if i < 0 {
					return fmt.Errorf("the Service %s has no port %q", v.Name, m.Port)
				}
				return s.service(v.Namespace, v.Name, int(v.Spec.Ports[i].Port))
			}
		}
		return fmt.Errorf("no Service of namespace %s bears %s", m.Namespace, labels.FormatLabels(m.Labels))
	}
	pods, err := s.podsOf(m.Namespace, m.Labels)
	if err != nil {
		return err
	}
	return listens(pods, m.Port, 0)
}

// listens says whether a container of some of the pods has a port of a name, or of a number.
func listens(pods []corev1.PodTemplateSpec, name string, number int) error {
	var have []string
	for _, pod := range pods {
		for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
			for _, p := range c.Ports {
				if p.Name == name && name != "" || int(p.ContainerPort) == number {
					return nil
				}
				have = append(have, fmt.Sprintf("%s %d", p.Name, p.ContainerPort))
			}
		}
	}
	slices.Sort(have)
	wanted := name
	if name == "" {
		wanted = strconv.Itoa(number)
	}
	return fmt.Errorf("none of its pods has a port %s; they have %q", wanted, slices.Compact(have))
}

// service says what is missing behind a port of a Service.
func (s standing) service(namespace, name string, port int) error {
	v, ok := s.services[namespace+"/"+name]
	if !ok {
		return fmt.Errorf("there is no Service %s/%s", namespace, name)
	}
	i := slices.IndexFunc(v.Spec.Ports, func(p corev1.ServicePort) bool { return int(p.Port) == port })
	if i < 0 {
		return fmt.Errorf("the Service %s/%s has no port %d", namespace, name, port)
	}
	pods, err := s.podsOf(namespace, v.Spec.Selector)
	if err != nil {
		return fmt.Errorf("nothing is behind the Service %s/%s: %w", namespace, name, err)
	}
	to := v.Spec.Ports[i].TargetPort
	if to.StrVal == "" && to.IntVal == 0 {
		to.IntVal = int32(port)
	}
	if err := listens(pods, to.StrVal, int(to.IntVal)); err != nil {
		return fmt.Errorf("port %d of the Service %s/%s leads nowhere: %w", port, namespace, name, err)
	}
	return nil
}

// route says what is missing behind a route.
func (s standing) route(r product.Route) error {
	if err := s.service(r.Namespace, r.Service, r.Port); err != nil || r.Pods == nil {
		return err
	}
	pods, err := s.podsOf(r.Namespace, r.Pods)
	if err != nil {
		return err
	}
	port := r.PodPort
	if port == 0 {
		port = r.Port
	}
	return listens(pods, "", port)
}

// probe says what a probe would miss.
func (s standing) probe(c *product.Composition, p product.Probe) error {
	if p.Via != "" && !c.Graph.Has(p.Via) {
		return fmt.Errorf("it goes in by %s, which is no node", p.Via)
	}
	spec, err := json.Marshal(p.Spec)
	if err != nil {
		return err
	}
	if err := s.hosts(string(spec)); err != nil {
		return err
	}
	for _, file := range sorted(p.Files) {
		key := p.Files[file]
		if err := s.keys(&key); err != nil {
			return err
		}
		if err := s.hosts(string(s.secrets[key.Namespace+"/"+key.Name][key.Key])); err != nil {
			return err
		}
	}
	return nil
}

// keys says which keys of Secrets there are not.
func (s standing) keys(keys ...*kube.SecretKey) error {
	for _, key := range keys {
		if key == nil {
			continue
		}
		if _, ok := s.secrets[key.Namespace+"/"+key.Name][key.Key]; !ok {
			return fmt.Errorf("there is no Secret with %s", key)
		}
	}
	return nil
}

// inside is the address of a Service as it stands in texts.
var inside = regexp.MustCompile(`([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?:([0-9]+)`)

// hosts looks at the Services that a text names with a port.
func (s standing) hosts(text string) error {
	for _, m := range inside.FindAllStringSubmatch(text, -1) {
		port, err := strconv.Atoi(m[3])
		if err != nil {
			return err
		}
		if err := s.service(m[2], m[1], port); err != nil {
			return err
		}
	}
	return nil
}
