// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"
)

// routes checks the app's routes, against its gateway and against other apps' in taken.
func (a appChecker) routes(taken map[string]string) {
	if len(a.given.Routes) == 0 && a.given.Gateway == "" {
		return
	}
	gateways := a.checker.given.Spec.Gateways
	name := a.given.Gateway
	switch {
	case name != "":
		if _, ok := gateways[name]; !ok {
			a.add(FieldError{Path: a.path + ".gateway", Code: CodeBadReference, What: fmt.Sprintf("there is no gateway %q", name),
				Given: name, Choices: sorted(gateways), Fix: "name one of the document's gateways"})
			return
		}
	case len(gateways) == 0:
		a.fail("routes", CodeNoGateway, fmt.Sprintf("app %q has routes and the platform has no gateway", a.name), "", "add `gateways: {public: {product: nginx}}` to spec")
		return
	case len(gateways) > 1:
		a.fail("routes", CodeManyGateways, "the routes do not say which gateway they go through", "there are several: "+strings.Join(sorted(gateways), ", "),
			"add `gateway:` with one of them to the app")
		return
	default:
		name = sorted(gateways)[0]
	}
	for i, route := range a.app.Routes {
		at := Join("routes", i)
		if domains := gateways[name].Domains; len(domains) > 0 && !slices.ContainsFunc(domains, func(d string) bool { return covers(d, route.Host) }) {
			what, fix := fmt.Sprintf("host %q is none of the domains of gateway %q", route.Host, name), "add the host to the gateway's domains, or choose one of them"
			if route.Host == "" {
				what, fix = fmt.Sprintf("a route without a host is for any, and gateway %q has domains", name), "add `host:` with one of them to the route"
			}
			a.fail(at, CodeRouteHost, what, "its domains are "+strings.Join(domains, ", "), fix)
		}
		id := name + " " + route.Host + route.Path
		if other, ok := taken[id]; ok {
			a.fail(at, CodeRouteTwice, fmt.Sprintf("route %s%s is taken", route.Host, route.Path), fmt.Sprintf("app %q asks for it as well", other), "choose another host or path")
		}
		taken[id] = a.name
	}
}

// covers says whether a domain of a gateway, which may begin with a star, takes in a host.
func covers(domain, host string) bool {
	suffix, star := strings.CutPrefix(domain, "*")
	return domain == host || star && strings.HasSuffix(host, suffix) && !strings.Contains(strings.TrimSuffix(host, suffix), ".")
}

// references checks that what the app names is in the document.
func (a appChecker) references() {
	if a.given.Pool != "" {
		a.pool(a.given.Pool, a.path+".pool")
	}
	entries := a.checker.given.Spec.entries()
	for i, use := range a.given.Uses {
		a.entry(use, entries, Join(a.path+".uses", i))
	}
	if a.given.Bindings != "" && len(a.given.Entries()) == 0 {
		a.fail("bindings", CodeAppField, "bindings would have no effect", "the app uses and reads nothing", "remove it, or add `uses:`")
	}
	for i, read := range a.given.Reads {
		at := Join(a.path+".reads", i)
		a.entry(read, entries, at)
		if slices.Contains(a.given.Uses, read) {
			a.fail(at, CodeAppField, fmt.Sprintf("%s is in uses too", read), "an app has one set of credentials for an entry, which may write or may not", "remove it from one of them")
		}
	}
}

// entry checks that what the app works with is in the document.
func (a appChecker) entry(named string, entries []string, at string) {
	if slices.Contains(entries, named) {
		return
	}
	fix := "name an entry of databases, messaging or storage that is in the document"
	if len(entries) > 0 {
		fix = "name one of " + strings.Join(entries, ", ")
	}
	a.add(FieldError{Path: at, Code: CodeBadReference, What: fmt.Sprintf("there is no %q", named), Given: named, Choices: entries, Fix: fix})
}

// entries are the entries that apps can use, by their paths below spec with slashes.
func (s Spec) entries() []string {
	var all []string
	for _, name := range sorted(s.Databases) {
		all = append(all, "databases/"+name)
	}
	for _, name := range sorted(s.Messaging) {
		all = append(all, "messaging/"+name)
	}
	if s.Storage != nil {
		for _, name := range sorted(s.Storage.Spaces) {
			all = append(all, "storage/spaces/"+name)
		}
	}
	return all
}
