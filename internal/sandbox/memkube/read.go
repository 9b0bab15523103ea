// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// get answers one object.
func (s *Server) get(w http.ResponseWriter, q *request) error {
	r := s.store.get(q.kind.resource(), q.name)
	if r == nil {
		return q.notFound()
	}
	return reply(w, http.StatusOK, json.RawMessage(q.show(r)))
}

// getAll answers the objects of a kind. It never divides the list: a limit is a wish.
func (s *Server) getAll(w http.ResponseWriter, q *request) error {
	chosen, err := s.choose(q)
	if err != nil {
		return err
	}
	items := []json.RawMessage{}
	for _, r := range chosen {
		items = append(items, q.show(r))
	}
	kind, apiVersion := q.kind.kind+"List", q.kind.at(q.version).GroupVersion().String()
	if q.metadataOnly() {
		kind, apiVersion = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	return reply(w, http.StatusOK, map[string]any{
		"kind": kind, "apiVersion": apiVersion, "items": items,
		"metadata": map[string]any{"resourceVersion": strconv.FormatUint(s.store.version, 10)},
	})
}

// choose lists the objects that the request's namespace and selectors name.
func (s *Server) choose(q *request) ([]*record, error) {
	matches, err := q.selector()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.store.list(q.kind.resource()), func(r *record) bool { return !matches(r) }), nil
}

// selector reads the request's selectors. The function it returns is false for nil.
func (q *request) selector() (func(*record) bool, error) {
	byLabel, err := labels.Parse(q.query.Get("labelSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest("read labelSelector: " + err.Error())
	}
	byField, err := fields.ParseSelector(q.query.Get("fieldSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest("read fieldSelector: " + err.Error())
	}
	for _, term := range byField.Requirements() {
		if !slices.Contains(selectable[q.kind.resource()], term.Field) && term.Field != "metadata.name" && term.Field != "metadata.namespace" {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("field label not supported: %s", term.Field))
		}
	}
	return func(r *record) bool {
		if r == nil || q.namespace != "" && r.name().namespace != q.namespace || q.name.name != "" && r.name().name != q.name.name {
			return false
		}
		return byLabel.Matches(labels.Set(meta(r.object).GetLabels())) && byField.Matches(fieldsOf(r.object))
	}, nil
}

// selectable are the fields beside name and namespace by which a kind can be selected, as the real server has them.
var selectable = map[schema.GroupResource][]string{
	pods:                  {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP"},
	nodes:                 {"spec.unschedulable"},
	namespaces:            {"status.phase"},
	services:              {"spec.clusterIP", "spec.type"},
	jobs:                  {"status.successful"},
	replicaSets:           {"status.replicas"},
	{Resource: "secrets"}: {"type"},
	{Resource: "events"}: {
		"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
		"involvedObject.apiVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
	},
}

// fieldsOf reads fields by their dotted paths.
type fieldsOf map[string]any

func (f fieldsOf) Has(field string) bool { return f.Get(field) != "" }

func (f fieldsOf) Get(field string) string {
	path := strings.Split(field, ".")
	last := len(path) - 1
	switch v := mapAt(f, path[:last]...)[path[last]].(type) {
	case nil:
		if field == "spec.unschedulable" {
			return "false"
		}
		return ""
	default:
		return fmt.Sprint(v)
	}
}

// metadataOnly is whether the client asked for objects without anything but their metadata.
func (q *request) metadataOnly() bool {
	return strings.Contains(q.Header.Get("Accept"), "as=PartialObjectMetadata")
}

// show is an object's JSON in the version and form asked for.
func (q *request) show(r *record) []byte {
	apiVersion := q.kind.at(q.version).GroupVersion().String()
	var shown map[string]any
	switch {
	case q.metadataOnly():
		shown = map[string]any{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": r.object["metadata"]}
	case text(r.object, "apiVersion") == apiVersion:
		return r.json()
	default:
		shown = q.in(r.object)
	}
	data, _ := json.Marshal(shown) // made of what was JSON before
	return data
}

// in is an object in the version asked for. It shares the object's fields.
func (q *request) in(o map[string]any) map[string]any {
	out := make(map[string]any, len(o))
	for field, v := range o {
		out[field] = v
	}
	out["apiVersion"] = q.kind.at(q.version).GroupVersion().String()
	return out
}
