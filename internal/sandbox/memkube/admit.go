// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/k8or/k8or/internal/sandbox/plain"
)

// admit makes an object fit to be stored: complete, valid, with the metadata that the server alone decides. live is
// what it replaces, or nil.
func (s *Server) admit(k *kind, live *record, o map[string]any) (map[string]any, error) {
	if live == nil && k.resource() == pods && s.options.Inject != nil {
		s.options.Inject(&Room{s}, meta(o))
	}
	o, err := s.complete(k, live, o)
	if err != nil {
		return nil, err
	}
	if k.custom {
		o["apiVersion"] = k.at(k.storage).GroupVersion().String()
	}
	m := meta(o)
	if live == nil {
		if err := s.admitNew(k, o); err != nil {
			return nil, err
		}
		m.SetUID(s.store.newUID())
		m.SetCreationTimestamp(metav1.NewTime(time.Now()))
		m.SetDeletionTimestamp(nil)
		m.SetResourceVersion("")
		m.SetGeneration(0)
		if k.counted(o) {
			m.SetGeneration(1)
		}
		return o, nil
	}
	if err := k.frozen(live.object, o); err != nil {
		return nil, err
	}
	old := meta(live.object)
	m.SetUID(old.GetUID())
	m.SetCreationTimestamp(old.GetCreationTimestamp())
	m.SetDeletionTimestamp(old.GetDeletionTimestamp())
	m.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	m.SetGeneration(old.GetGeneration())
	if k.counted(o) && !sameWish(live.object, o) {
		m.SetGeneration(old.GetGeneration() + 1)
	}
	return o, nil
}

// counted is whether the server counts the kind's generations. The core group's it does not.
func (k *kind) counted(o map[string]any) bool {
	return k.custom || k.group != "" && o["spec"] != nil && k.resource() != leases
}

// sameWish is whether two versions of an object differ in nothing but metadata and status.
func sameWish(a, b map[string]any) bool {
	wish := func(o map[string]any) map[string]any {
		out := map[string]any{}
		for field, v := range o {
			if field != "metadata" && field != "status" && field != "apiVersion" {
				out[field] = v
			}
		}
		return out
	}
	return equality.Semantic.DeepEqual(wish(a), wish(b))
}

func (s *Server) admitNew(k *kind, o map[string]any) error {
	m := meta(o)
	if m.GetName() == "" {
		return apierrors.NewInvalid(k.groupKind(), "", field.ErrorList{field.Required(field.NewPath("metadata", "name"), "name or generateName is required")})
	}
	if why := k.wrongName(m.GetName()); len(why) > 0 {
		return k.refuse(m.GetName(), field.NewPath("metadata", "name"), m.GetName(), strings.Join(why, ", "))
	}
	if k.namespaced {
		in := s.store.get(namespaces, name{"", m.GetNamespace()})
		if in == nil {
			return apierrors.NewNotFound(namespaces, m.GetNamespace())
		}
		if meta(in.object).GetDeletionTimestamp() != nil {
			e := apierrors.NewForbidden(k.resource(), m.GetName(), fmt.Errorf(
				"unable to create new content in namespace %s because it is being terminated", m.GetNamespace()))
			e.ErrStatus.Details.Causes = append(e.ErrStatus.Details.Causes, metav1.StatusCause{
				Type: "NamespaceTerminating", Message: "namespace " + m.GetNamespace() + " is being terminated", Field: "metadata.namespace",
			})
			return e
		}
	}
	spec := mapAt(o, "spec")
	switch k.resource() {
	case definitions:
		if want := text(mapAt(spec, "names"), "plural") + "." + text(spec, "group"); m.GetName() != want {
			return k.refuse(m.GetName(), field.NewPath("metadata", "name"), m.GetName(), "must be spec.names.plural+\".\"+spec.group")
		}
	case deployments, statefulSets, daemonSets, replicaSets:
		wanted, has := mapAt(spec, "selector", "matchLabels"), mapAt(spec, "template", "metadata", "labels")
		if mapAt(spec, "selector") == nil {
			return apierrors.NewInvalid(k.groupKind(), m.GetName(), field.ErrorList{field.Required(field.NewPath("spec", "selector"), "")})
		}
		for label, value := range wanted {
			if has[label] != value {
				return k.refuse(m.GetName(), field.NewPath("spec", "template", "metadata", "labels"), has, "`selector` does not match template `labels`")
			}
		}
	}
	return nil
}

func (k *kind) wrongName(n string) []string {
	switch {
	case k.group == "rbac.authorization.k8s.io":
		return content.IsPathSegmentName(n)
	case k.resource() == services || k.resource() == namespaces:
		return utilvalidation.IsDNS1123Label(n)
	}
	return utilvalidation.IsDNS1123Subdomain(n)
}

// complete brings an object into the form in which it is kept: for Kubernetes' own kinds that of their types, so that
// quantities and times are spelled one way, and with the defaults that clients read back.
func (s *Server) complete(k *kind, live *record, o map[string]any) (map[string]any, error) {
	gvk := k.at(meta(o).GroupVersionKind().Version)
	if typed(gvk) {
		object, err := scheme.Scheme.New(gvk)
		if err != nil {
			return nil, err
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, object); err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", k.kind, gvk.Version, k.kind, err))
		}
		if o, err = plain.Of(object); err != nil {
			return nil, err
		}
		if len(mapAt(o, "status")) == 0 {
			delete(o, "status")
		}
		meta(o).SetGroupVersionKind(gvk)
	}
	if fill, ok := defaults[k.resource()]; ok {
		fill(s, live, o)
	}
	return o, nil
}

// fixed are fields that cannot change once they have a value.
var fixed = map[schema.GroupResource][]string{
	deployments:           {"spec.selector"},
	replicaSets:           {"spec.selector"},
	daemonSets:            {"spec.selector"},
	statefulSets:          {"spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"},
	jobs:                  {"spec.selector", "spec.template", "spec.completionMode"},
	services:              {"spec.clusterIP"},
	claims:                {"spec.storageClassName", "spec.accessModes", "spec.volumeName", "spec.volumeMode"},
	classes:               {"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"},
	definitions:           {"spec.group", "spec.scope", "spec.names.plural"},
	{Resource: "secrets"}: {"type"},
	{Group: "rbac.authorization.k8s.io", Resource: "rolebindings"}:        {"roleRef"},
	{Group: "rbac.authorization.k8s.io", Resource: "clusterrolebindings"}: {"roleRef"},
}

// frozen refuses a change of what cannot change.
func (k *kind) frozen(was, is map[string]any) error {
	for _, dotted := range fixed[k.resource()] {
		steps := strings.Split(dotted, ".")
		last := len(steps) - 1
		before, after := mapAt(was, steps[:last]...)[steps[last]], mapAt(is, steps[:last]...)[steps[last]]
		if before != nil && !equality.Semantic.DeepEqual(before, after) {
			return k.refuse(meta(is).GetName(), field.NewPath(steps[0], steps[1:]...), after, validation.FieldImmutableErrorMsg)
		}
	}
	if sealed, _ := was["immutable"].(bool); sealed && !sameWish(was, is) {
		return k.refuse(meta(is).GetName(), field.NewPath("data"), "", "field is immutable when `immutable` is set")
	}
	return nil
}

func (k *kind) refuse(name string, at *field.Path, value any, why string) error {
	return apierrors.NewInvalid(k.groupKind(), name, field.ErrorList{field.Invalid(at, value, why)})
}

func (q *request) invalid(at, value, why string) error {
	if at == "" {
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: 422, Reason: metav1.StatusReasonInvalid, Message: why,
			Details: &metav1.StatusDetails{Group: q.kind.group, Kind: q.kind.kind, Name: q.name.name},
		}}
	}
	return apierrors.NewInvalid(q.kind.groupKind(), q.name.name, field.ErrorList{field.Invalid(field.NewPath(at), value, why)})
}
