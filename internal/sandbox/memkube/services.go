// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const balanced = "service.kubernetes.io/load-balancer-cleanup"

// playServices gives Services of type LoadBalancer their address, and keeps one that is being deleted until its load
// balancer is gone.
func (s *Server) playServices(now time.Time) {
	for _, r := range s.store.list(services) {
		service := as[corev1.Service](r)
		wants := service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil && service.DeletionTimestamp == nil
		switch {
		case !wants && slices.Contains(service.Finalizers, balanced):
			if s.options.LoadBalancerGone != nil && !s.options.LoadBalancerGone(service.Namespace, service.Name, string(service.UID)) {
				s.soon(now)
				continue
			}
			s.alter(services, r, func(o map[string]any) {
				meta(o).SetFinalizers(withoutItem(meta(o).GetFinalizers(), balanced))
				o["status"] = map[string]any{"loadBalancer": map[string]any{}}
			})
		case wants && !slices.Contains(service.Finalizers, balanced):
			s.alter(services, r, func(o map[string]any) { meta(o).SetFinalizers(withItem(meta(o).GetFinalizers(), balanced)) })
		case wants && len(service.Status.LoadBalancer.Ingress) == 0:
			s.balance(r, now)
		}
	}
}

func (s *Server) balance(r *record, now time.Time) {
	service := as[corev1.Service](r)
	var ip string
	if s.options.LoadBalancer == nil {
		if !s.ripe(r.since, now) {
			return
		}
		ip = fmt.Sprintf("203.0.113.%d", s.store.next()%254+1)
	} else {
		var ready bool
		if ip, ready = s.options.LoadBalancer(service.Namespace, service.Name, string(service.UID), service.Annotations); !ready {
			s.soon(now)
			return
		}
	}
	s.setStatus(services, r, &corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{
		Ingress: []corev1.LoadBalancerIngress{{IP: ip, IPMode: new(corev1.LoadBalancerIPModeVIP)}},
	}})
}
