// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// request is one call to a resource.
type request struct {
	*http.Request
	query url.Values
	kind  *kind
	// version is the one asked for, which need not be the one stored.
	version     string
	subresource string
	name
}

// find reads a path like /apis/apps/v1/namespaces/shop/deployments/web/status.
func (s *Server) find(r *http.Request) (*request, error) {
	q := &request{Request: r, query: r.URL.Query()}
	steps := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	var resource schema.GroupResource
	switch {
	case len(steps) >= 3 && steps[0] == "api":
		q.version, steps = steps[1], steps[2:]
	case len(steps) >= 4 && steps[0] == "apis":
		resource.Group, q.version, steps = steps[1], steps[2], steps[3:]
	default:
		return nil, noSuchPath()
	}
	if steps[0] == "namespaces" && len(steps) >= 3 && !slices.Contains([]string{"status", "finalize"}, steps[2]) {
		q.namespace, steps = steps[1], steps[2:]
	}
	resource.Resource = steps[0]
	if len(steps) > 1 {
		q.name.name = steps[1]
	}
	if len(steps) > 2 {
		q.subresource = steps[2]
	}
	q.kind = s.kinds[resource]
	switch {
	case q.kind == nil || !q.kind.serves(q.version) || len(steps) > 3:
		return nil, noSuchPath()
	case q.kind.namespaced && q.namespace == "" && q.name.name != "", !q.kind.namespaced && q.namespace != "":
		return nil, noSuchPath()
	case q.subresource != "" && !q.subresourceServed():
		return nil, noSuchPath()
	}
	return q, nil
}

func (q *request) subresourceServed() bool {
	switch q.subresource {
	case "status":
		return q.kind.status
	case "eviction":
		return q.kind.resource() == pods
	case "finalize":
		return q.kind.resource() == namespaces
	}
	return false
}

func noSuchPath() error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound,
		Message: "the server could not find the requested resource", Details: &metav1.StatusDetails{},
	}}
}

func (q *request) notFound() error { return apierrors.NewNotFound(q.kind.resource(), q.name.name) }

// dryRun is whether nothing may be written.
func (q *request) dryRun() bool { return slices.Contains(q.query["dryRun"], metav1.DryRunAll) }

// manager is who owns the fields this request writes.
func (q *request) manager() string {
	if m := q.query.Get("fieldManager"); m != "" {
		return m
	}
	agent, _, _ := strings.Cut(q.UserAgent(), "/")
	return agent
}

// answer routes one call.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	s.settle()
	q, err := s.find(r)
	if err == nil && r.Method == http.MethodGet && isTrue(q.query.Get("watch")) {
		s.mu.Unlock() // a watch takes it whenever it looks
		return s.watch(w, q)
	}
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	defer func() { s.settle(); s.wake() }()
	collection := q.name.name == ""
	switch {
	case r.Method == http.MethodGet && collection:
		return s.getAll(w, q)
	case r.Method == http.MethodGet:
		return s.get(w, q)
	case r.Method == http.MethodPost && q.subresource == "eviction":
		return s.evict(w, q)
	case r.Method == http.MethodPost && collection:
		return s.create(w, q)
	case r.Method == http.MethodPut && !collection:
		return s.update(w, q)
	case r.Method == http.MethodPatch && !collection:
		return s.patch(w, q)
	case r.Method == http.MethodDelete && collection:
		return s.deleteAll(w, q)
	case r.Method == http.MethodDelete:
		return s.delete(w, q)
	}
	return apierrors.NewMethodNotSupported(q.kind.resource(), strings.ToLower(r.Method))
}

// body reads an object in JSON, YAML or, for the kinds of Kubernetes' own, protobuf. Numbers are int64 or float64.
func body(r *http.Request) (map[string]any, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, apierrors.NewBadRequest("read the request's body: " + err.Error())
	}
	if len(data) == 0 {
		return nil, nil
	}
	content := r.Header.Get("Content-Type")
	if strings.HasPrefix(content, runtime.ContentTypeProtobuf) {
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode(data, nil, nil)
		if err != nil {
			return nil, apierrors.NewBadRequest("decode the request's body: " + err.Error())
		}
		return runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	}
	if strings.Contains(content, "yaml") && !json.Valid(data) { // JSON is YAML, and mostly what clients send
		if data, err = yaml.YAMLToJSON(data); err != nil {
			return nil, apierrors.NewBadRequest("decode the request's body: " + err.Error())
		}
	}
	var o map[string]any
	if err := utiljson.Unmarshal(data, &o); err != nil {
		return nil, apierrors.NewBadRequest("decode the request's body: " + err.Error())
	}
	return o, nil
}

// reply writes a value as JSON.
func reply(w http.ResponseWriter, status int, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(data)
	return ignoreGone(err)
}

// ignoreGone drops the error of a write to a client that has gone: there is nobody left to tell.
func ignoreGone(error) error { return nil }

// fail writes an error as a Status.
func fail(w http.ResponseWriter, err error) {
	var known apierrors.APIStatus
	if !errors.As(err, &known) {
		known = apierrors.NewInternalError(err)
	}
	status := known.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	if status.Details != nil && status.Details.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(status.Details.RetryAfterSeconds))
	}
	_ = reply(w, int(status.Code), status) // a Status always encodes
}
