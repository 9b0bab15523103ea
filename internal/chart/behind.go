// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"slices"
	"strings"
)

// behind is the workload whose pods a Service selects; nil where there is none in the chart, such as for a Service of the
// cluster's DNS. A footprint without selectors says it by name: the workload that shares the longest beginning with the
// Service, and among equals the first.
func (f *Footprint) behind(s *Service) *Workload {
	if len(s.Selector) > 0 {
		for i := range f.Workloads {
			if w := &f.Workloads[i]; w.Elsewhere == s.Elsewhere && selects(s.Selector, w) {
				return w
			}
		}
		return nil
	}
	var best *Workload
	length := -1
	for i := range f.Workloads {
		w := &f.Workloads[i]
		if w.Hook != "" || w.Elsewhere != s.Elsewhere || len(w.Selector) > 0 { // a Service that selects nothing means it
			continue
		}
		if n := shared(s.Name, w.Name); n > length || n == length && s.Name == w.Name {
			best, length = w, n
		}
	}
	return best
}

func selects(selector map[string]string, w *Workload) bool {
	for key, value := range selector {
		if w.Selector[key] != value && w.Labels[key] != value {
			return false
		}
	}
	return true
}

// shared counts the letters with which two names begin alike.
func shared(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// portsOf are the ports of each container of a workload: those recorded, and in the first container those that a Service
// targets by a name which no container has.
func (f *Footprint) portsOf(w *Workload) [][]Port {
	ports := make([][]Port, len(w.Containers))
	named := func(name string) bool {
		return slices.ContainsFunc(ports, func(of []Port) bool {
			return slices.ContainsFunc(of, func(p Port) bool { return p.Name == name })
		})
	}
	for i, c := range w.Containers {
		ports[i] = slices.Clone(c.Ports)
	}
	if len(ports) == 0 {
		return ports
	}
	for i := range f.Services {
		s := &f.Services[i]
		if f.behind(s) != w {
			continue
		}
		for _, p := range s.Ports {
			target, ok := p.TargetPort.(string)
			if !ok || target == "" || len(target) > 15 || named(target) {
				continue
			}
			number := p.Port
			for slices.ContainsFunc(ports[0], func(q Port) bool { return q.Port == number && protocolOf(q) == protocolOf(p) }) {
				number++ // two Services may offer different named ports under one number
			}
			ports[0] = append(ports[0], Port{Name: strings.ToLower(target), Port: number, Protocol: p.Protocol})
		}
	}
	return ports
}
