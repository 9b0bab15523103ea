// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// What the cloud controller manager writes on Services, and what it reads there.
const (
	balancerID        = "kubernetes.digitalocean.com/load-balancer-id"
	cleanup           = "service.kubernetes.io/load-balancer-cleanup"
	disown            = "service.kubernetes.io/do-loadbalancer-disown"
	annotationsPrefix = "service.beta.kubernetes.io/do-loadbalancer-"
)

// balancer is what the hands read of a load balancer.
type balancer struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	IP     string   `json:"ip"`
	Status string   `json:"status"`
	Tags   []string `json:"tags"`
}

// services gives every Service of type LoadBalancer its load balancer, and takes away those whose Service goes.
func (h *hands) services(ctx context.Context) (open bool) {
	all, err := h.seen.Core().V1().Services().Lister().List(labels.Everything())
	if err != nil {
		return true
	}
	for _, s := range all {
		pending, err := h.service(ctx, s)
		if err != nil {
			h.complain(s.DeepCopy(), "SyncLoadBalancerFailed", err)
			pending = true
		}
		open = open || pending
	}
	return open
}

func (h *hands) service(ctx context.Context, s *corev1.Service) (pending bool, err error) {
	held := slices.Contains(s.Finalizers, cleanup)
	wanted := s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.DeletionTimestamp == nil && s.Spec.LoadBalancerClass == nil
	switch {
	case !wanted && !held:
		return false, nil
	case s.Annotations[disown] == "true" && wanted:
		return false, nil
	case !wanted:
		return false, h.release(ctx, s)
	case !held:
		return false, h.change(ctx, s, func(s *corev1.Service) { s.Finalizers = append(s.Finalizers, cleanup) })
	}
	b, err := h.balancer(ctx, s)
	if err != nil {
		return true, err
	}
	if s.Annotations[balancerID] != b.ID {
		return true, h.change(ctx, s, func(s *corev1.Service) {
			if s.Annotations == nil {
				s.Annotations = map[string]string{}
			}
			s.Annotations[balancerID] = b.ID
		})
	}
	if b.Status != "active" || b.IP == "" {
		if b.Status == "errored" {
			return true, fmt.Errorf("load balancer %s is in status errored", b.ID)
		}
		return true, nil
	}
	return false, h.publish(ctx, s, b)
}

// change edits a Service and writes it.
func (h *hands) change(ctx context.Context, s *corev1.Service, edit func(*corev1.Service)) error {
	s = s.DeepCopy()
	edit(s)
	_, err := h.client.CoreV1().Services(s.Namespace).Update(ctx, s, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // a newer one is on its way here
	}
	return err
}

// publish writes the address into the Service's status.
func (h *hands) publish(ctx context.Context, s *corev1.Service, b *balancer) error {
	mode := corev1.LoadBalancerIPModeVIP
	ingress := []corev1.LoadBalancerIngress{{IP: b.IP, IPMode: &mode}}
	if host := s.Annotations[annotationsPrefix+"hostname"]; host != "" {
		ingress = []corev1.LoadBalancerIngress{{Hostname: host}}
	}
	if reflect.DeepEqual(s.Status.LoadBalancer.Ingress, ingress) {
		return nil
	}
	s = s.DeepCopy()
	s.Status.LoadBalancer.Ingress = ingress
	_, err := h.client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, s, metav1.UpdateOptions{})
	if err == nil {
		h.events.Event(s, corev1.EventTypeNormal, "EnsuredLoadBalancer", "Ensured load balancer")
	}
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// release deletes the load balancer of a Service that no longer wants one, then lets the Service go.
func (h *hands) release(ctx context.Context, s *corev1.Service) error {
	if s.Annotations[disown] != "true" {
		b, err := h.find(ctx, s)
		if err != nil {
			return err
		}
		if b != nil {
			var no *refusal
			if err := h.cloud.call(ctx, "DELETE", "/v2/load_balancers/"+b.ID, nil, nil); err != nil && !(errors.As(err, &no) && no.Status == 404) {
				return err
			}
			delete(h.applied, b.ID)
		}
	}
	if s.DeletionTimestamp == nil && len(s.Status.LoadBalancer.Ingress) > 0 {
		empty := s.DeepCopy()
		empty.Status.LoadBalancer = corev1.LoadBalancerStatus{}
		changed, err := h.client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, empty, metav1.UpdateOptions{})
		if err != nil {
			return err
		}
		s = changed
	}
	return h.change(ctx, s, func(s *corev1.Service) {
		s.Finalizers = slices.DeleteFunc(s.Finalizers, func(f string) bool { return f == cleanup })
		delete(s.Annotations, balancerID)
	})
}

// find looks a Service's load balancer up by the id written on it, then by its name among the cluster's own.
func (h *hands) find(ctx context.Context, s *corev1.Service) (*balancer, error) {
	if id := s.Annotations[balancerID]; id != "" {
		var one struct {
			Balancer balancer `json:"load_balancer"`
		}
		err := h.cloud.call(ctx, "GET", "/v2/load_balancers/"+url.PathEscape(id), nil, &one)
		var no *refusal
		if err == nil {
			return &one.Balancer, nil
		}
		if !errors.As(err, &no) || no.Status != 404 {
			return nil, err
		}
	}
	var all struct {
		Balancers []balancer `json:"load_balancers"`
	}
	if err := h.cloud.call(ctx, "GET", "/v2/load_balancers?per_page=200", nil, &all); err != nil {
		return nil, err
	}
	for _, b := range all.Balancers {
		if b.Name == balancerName(s) && slices.Contains(b.Tags, "k8s:"+h.spec.ID) {
			return &b, nil
		}
	}
	return nil, nil
}

// certified is a Service whose certificate, if it names one, is named by its id. An id that is given wins. Source: the changelog of cloud
// controller manager v0.1.51.
func (h *hands) certified(ctx context.Context, s *corev1.Service) (*corev1.Service, error) {
	name := s.Annotations[annotationsPrefix+"certificate-name"]
	if name == "" || s.Annotations[annotationsPrefix+"certificate-id"] != "" {
		return s, nil
	}
	var all struct {
		Certificates []struct {
			ID string `json:"id"`
		} `json:"certificates"`
	}
	if err := h.cloud.call(ctx, "GET", "/v2/certificates?name="+url.QueryEscape(name), nil, &all); err != nil {
		return nil, err
	}
	if len(all.Certificates) == 0 {
		return nil, fmt.Errorf("annotation %scertificate-name is %q: there is no such certificate", annotationsPrefix, name)
	}
	s = s.DeepCopy()
	s.Annotations[annotationsPrefix+"certificate-id"] = all.Certificates[0].ID
	return s, nil
}

// balancer finds, makes or changes the load balancer of a Service.
func (h *hands) balancer(ctx context.Context, s *corev1.Service) (*balancer, error) {
	s, err := h.certified(ctx, s)
	if err != nil {
		return nil, err
	}
	want, err := h.wish(s)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(want)
	if err != nil {
		return nil, err
	}
	b, err := h.find(ctx, s)
	if err != nil {
		return nil, err
	}
	var one struct {
		Balancer balancer `json:"load_balancer"`
	}
	switch {
	case b == nil:
		err = h.cloud.call(ctx, "POST", "/v2/load_balancers", want, &one)
	case h.applied[b.ID] != string(text) && b.Status == "active":
		err = h.cloud.call(ctx, "PUT", "/v2/load_balancers/"+b.ID, want, &one)
	default:
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	h.applied[one.Balancer.ID] = string(text)
	return &one.Balancer, nil
}
