// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/unit"
)

// Opened is a page that a person can look at.
type Opened struct {
	Sandbox bool     `json:"sandbox"`
	Page    string   `json:"page"`
	Title   string   `json:"title"`
	Entry   graph.ID `json:"entry"`
	// URL is where it is: its public address, or a port of this machine.
	URL string `json:"url"`
	// Public is false for a page that is reached through this program alone, as long as it runs.
	Public   bool   `json:"public"`
	Username string `json:"username,omitempty"`
	Login    string `json:"login,omitempty"`
}

// Open leads to a page by its word, such as grafana. A page with a route of its own is only told of; any other is reached by a
// port of this machine until the context ends. Told is called once it can be looked at, with the password where there is
// one: it is in nothing else.
func (p *Platform) Open(ctx context.Context, word string, port int, told func(o Opened, password string)) error {
	c, err := p.outline(ctx)
	if err != nil {
		return p.explainAll(err).Err()
	}
	page, err := pageOf(c, word)
	if err != nil {
		return err
	}
	if page.Find != nil {
		return p.lead(ctx, page, told)
	}
	access, _, err := p.Credentials(ctx)
	if err != nil {
		return err
	}
	cluster := p.kinds.Cluster(access.ID)
	o := Opened{Sandbox: p.options.Sandbox, Page: page.Name, Title: page.Title, Entry: page.Entry, Username: page.Username, Login: page.Login}
	var password []byte
	if page.Password != nil {
		value, there, err := cluster.SecretValue(ctx, *page.Password)
		if err != nil {
			return p.explainAll(kube.Tell(err)).Err()
		}
		if !there {
			return &problem.Problem{Code: problem.SecretMissing, Title: fmt.Sprintf("the password of %s is not in the cluster yet", page.Title),
				Why: fmt.Sprintf("Secret %s/%s has no key %s", page.Password.Namespace, page.Password.Name, page.Password.Key), Fix: fmt.Sprintf("`k8or why %s` says what is missing", page.Entry)}
		}
		password = value
	}
	if address, ok := page.Address.Peek(); ok && address != "" {
		o.URL, o.Public = "https://"+address+"/", true
		told(o, string(password))
		return nil
	}
	if p.options.Sandbox {
		return &problem.Problem{Code: problem.NotImplemented, Title: fmt.Sprintf("%s cannot be opened in the sandbox", page.Title), Why: "its pods run no containers, so nobody would answer",
			Fix: fmt.Sprintf("on a real cluster this forwards a port of this machine to Service %s/%s, port %d", page.Namespace, page.Service, page.Port)}
	}
	err = cluster.Forward(ctx, kube.ServicePort{Namespace: page.Namespace, Name: page.Service, Port: page.Port}, port, func(local int) {
		scheme := page.Scheme
		if scheme == "" {
			scheme = "http"
		}
		o.URL = fmt.Sprintf("%s://127.0.0.1:%d/", scheme, local)
		told(o, string(password))
	})
	if errors.Is(err, kube.ErrNoPod) {
		return &problem.Problem{Code: problem.NotReady, Title: page.Title + " is not ready", Why: err.Error(), Fix: fmt.Sprintf("`k8or why %s` says why", page.Entry), Cause: err}
	}
	return p.explainAll(kube.Tell(err)).Err()
}

// lead tells of a page that is a cloud's own.
func (p *Platform) lead(ctx context.Context, page product.Page, told func(Opened, string)) error {
	url, there, err := page.Find(ctx)
	if err != nil {
		return p.explainAll(err).Err()
	}
	if !there {
		return &problem.Problem{Code: problem.NotReady, Title: page.Title + " is not there yet", Fix: fmt.Sprintf("`k8or up` makes %s, and `k8or why %s` says what is missing", page.Entry, page.Entry)}
	}
	o := Opened{Sandbox: p.options.Sandbox, Page: page.Name, Title: page.Title, Entry: page.Entry, Username: page.Username, Login: page.Login, URL: url, Public: true}
	if p.options.Sandbox {
		o.Login += "; in the sandbox nobody answers there"
	}
	told(o, "")
	return nil
}

// pageOf is the page of a word: its own, or the only one of an entry.
func pageOf(c *product.Composition, word string) (product.Page, error) {
	pages := c.Pages()
	var names []string
	for _, page := range pages {
		names = append(names, page.Name)
	}
	for _, same := range []func(product.Page) bool{
		func(p product.Page) bool { return p.Name == word },
		func(p product.Page) bool { return string(p.Entry) == word },
	} {
		if i := slices.IndexFunc(pages, same); i >= 0 {
			return pages[i], nil
		}
	}
	slices.Sort(names)
	pr := &problem.Problem{Code: problem.BadUsage, Kind: problem.Usage, Title: fmt.Sprintf("this platform has no page %q", word),
		Why: "it has " + problem.OneOf(names), Fix: "`k8or status` shows the addresses of apps"}
	if len(names) == 0 {
		pr.Why, pr.Fix = "nothing in the document brings a page", "add what has one, such as monitoring, which brings grafana; `k8or status` shows the addresses of apps"
	}
	if near := problem.DidYouMean(word, names); near != "" {
		pr.Fix = near
	}
	return product.Page{}, pr
}

// Logs hands over the lines that an entry's containers write, each with its pod, until they end or, following, until the
// context does.
func (p *Platform) Logs(ctx context.Context, entry string, o kube.LogOptions, line func(pod, text string)) error {
	c, err := p.outline(ctx)
	if err != nil {
		return p.explainAll(err).Err()
	}
	root, err := rootOf(c, entry)
	if err != nil {
		return err
	}
	access, _, err := p.Credentials(ctx)
	if err != nil {
		return err
	}
	cluster := p.kinds.Cluster(access.ID)
	type source struct{ namespace, pod, container string }
	var sources []source
	for _, set := range c.Sets {
		if node := set.Known["node"]; node != string(root) && !strings.HasPrefix(node, string(root)+"/") {
			continue
		}
		pods, err := cluster.PodsBelow(ctx, set)
		if err != nil {
			return p.explainAll(kube.Tell(err)).Err()
		}
		for _, pod := range pods {
			for _, container := range pod.Spec.Containers {
				sources = append(sources, source{pod.Namespace, pod.Name, container.Name})
			}
		}
	}
	if len(sources) == 0 {
		return &problem.Problem{Code: problem.NotReady, Title: fmt.Sprintf("%s has no pods", root), Fix: fmt.Sprintf("`k8or why %s` says why", root)}
	}
	if p.options.Sandbox {
		return &problem.Problem{Code: problem.NotImplemented, Title: fmt.Sprintf("there are no logs of %s in the sandbox", root),
			Why: fmt.Sprintf("its pods are simulated and run no containers, so nobody writes any; elsewhere these would be lines of %s", unit.Count(len(sources), "container")), Fix: "`k8or why` and `k8or status` work here"}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range sources {
		group.Go(func() error {
			name := s.pod
			if s.container != "" && slices.ContainsFunc(sources, func(o source) bool { return o.pod == s.pod && o.container != s.container }) {
				name += "/" + s.container
			}
			return cluster.Logs(ctx, s.namespace, s.pod, s.container, o, func(text string) {
				mu.Lock()
				defer mu.Unlock()
				line(name, text)
			})
		})
	}
	return p.explainAll(kube.Tell(group.Wait())).Err()
}
