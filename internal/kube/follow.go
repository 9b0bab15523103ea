// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/k8or/k8or/internal/graph"
)

// Follow is a Secret whose readers start anew when what it holds is another: a program reads its password once, when it
// starts. Of a set's Deployments, StatefulSets and DaemonSets it concerns those whose pods name the Secret.
type Follow struct {
	Namespace, Name string
	// Jobs are run again as well. Without it they are left alone: a migration that has run does not run again because a
	// password is another.
	Jobs bool
	// Key makes it a key of a ConfigMap, which is nobody's secret, and concerns all of the set's workloads, whether their pods name it or
	// not: as they are made, somebody else gives them what goes with it.
	Key string
}

// SecretsAnnotation is the mark on pods of what the Secrets they follow held when they were started.
//
// It must not tell what that is, since more people may see pods than Secrets: an HMAC whose key is the Secret's uid, which only
// those see who may read the Secret itself, cut to 48 bits. A plain hash would let anyone try passwords against it. The
// resourceVersion would not do: it is another with every label, and pods would start anew for nothing.
const SecretsAnnotation = "k8or.io/secrets"

// secretsField is where a change of the mark shows.
const secretsField = "spec.template.metadata.annotations[" + SecretsAnnotation + "]"

// follow is the set with the mark on those of its workloads that follow Secrets, and the first Secret that is not there yet.
func (conn *connection) follow(ctx context.Context, set Set) (Set, string, error) {
	if len(set.Follows) == 0 {
		return set, "", nil
	}
	marks, missing := map[Follow]string{}, ""
	for _, f := range set.Follows {
		if f.Key != "" {
			data, _, err := conn.configMap(ctx, f.Namespace, f.Name)
			if err != nil {
				return set, "", err
			}
			marks[f] = string(data[f.Key])
			continue
		}
		var found corev1.Secret
		err := conn.client.Get(ctx, client.ObjectKey{Namespace: f.Namespace, Name: f.Name}, &found)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return set, "", fmt.Errorf("read Secret %s/%s: %w", f.Namespace, f.Name, err)
		default:
			marks[f] = markOf(string(found.UID), found.Data)
		}
	}
	objects := slices.Clone(set.Objects)
	for i, o := range objects {
		var all []string
		for _, f := range set.Follows {
			if !set.follows(o, f) {
				continue
			}
			if marks[f] == "" && missing == "" {
				missing = fmt.Sprintf("%s %s/%s is not there yet", f.kind(), f.Namespace, f.Name)
			}
			all = append(all, marks[f])
		}
		if len(all) == 0 {
			continue
		}
		sum := sha256.Sum256([]byte(strings.Join(all, " ")))
		o = o.DeepCopy()
		if err := unstructured.SetNestedField(o.Object, hex.EncodeToString(sum[:6]), "spec", "template", "metadata", "annotations", SecretsAnnotation); err != nil {
			return set, "", &RejectedError{IDOf(o), err}
		}
		objects[i] = o
	}
	set.Objects = objects
	return set, missing, nil
}

func (f Follow) kind() string {
	if f.Key != "" {
		return "ConfigMap"
	}
	return "Secret"
}

// markOf is the mark of what one Secret holds.
func markOf(uid string, data map[string][]byte) string {
	h := hmac.New(sha256.New, []byte(uid))
	for _, key := range slices.Sorted(maps.Keys(data)) {
		fmt.Fprintf(h, "%d %s %d ", len(key), key, len(data[key]))
		h.Write(data[key])
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// follows reports whether an object of the set has pods that read a Secret and are to start anew for it.
func (s Set) follows(o *unstructured.Unstructured, f Follow) bool {
	switch o.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet":
	case "Job":
		if !f.Jobs {
			return false
		}
	default:
		return false
	}
	if f.Key != "" {
		return true
	}
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = s.Namespace
	}
	template, _, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	return err == nil && namespace == f.Namespace && names(template, f.Name)
}

// names reports whether a pod names a Secret: as a variable, all its variables, or a volume's files.
func names(v any, secret string) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, below := range v {
			if m, ok := below.(map[string]any); ok {
				switch key {
				case "secretKeyRef", "secretRef":
					if m["name"] == secret {
						return true
					}
				case "secret": // of a volume, or of a part of a projected one
					if m["secretName"] == secret || m["name"] == secret {
						return true
					}
				}
			}
			if names(below, secret) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return names(one, secret) })
	}
	return false
}

// anewFor is a workload's change that has its pods start anew with what their Secrets hold then.
func anewFor(id ID) graph.Change {
	return graph.Change{Path: id.String() + " credentials", After: "those that its Secrets hold", Risk: graph.Restarts, Note: "its pods start anew, a few at a time"}
}

// foretold are the workloads that a plan does not see change yet, since the Secret that they follow is still to be written.
func (r *Objects) foretold(c *graph.Call, have []graph.Change) []graph.Change {
	var out []graph.Change
	for i, made := range r.Made {
		if _, known := made.Get(c); known {
			continue
		}
		for _, o := range r.set.Objects {
			if !r.set.follows(o, r.set.Follows[i]) {
				continue
			}
			id := IDOf(o)
			if id.Namespace == "" {
				id.Namespace = r.set.Namespace
			}
			change := anewFor(id)
			if !slices.ContainsFunc(slices.Concat(have, out), func(c graph.Change) bool { return c.Path == change.Path }) {
				change.After, change.Unknown = "", true
				out = append(out, change)
			}
		}
	}
	return out
}

// rederived are the derived Secrets that a plan does not see change yet, since what they are made of is still to be written: by another
// node, or by an operator for an object that the set is about to make, where the Secret is of another one that is gone.
func (r *Objects) rederived(c *graph.Call, have []graph.Change, stale []ID) []graph.Change {
	written := slices.ContainsFunc(r.Sources, func(v graph.Value[Output]) bool { _, known := v.Get(c); return !known })
	made := slices.ContainsFunc(have, func(c graph.Change) bool { return c.After == string(Create) && !c.Anew })
	var out []graph.Change
	for _, d := range r.set.Derived {
		id := IDOf(d.object(r.set.Namespace))
		if !written && !(made && slices.Contains(stale, id)) {
			continue
		}
		at := id.String()
		if !slices.ContainsFunc(have, func(c graph.Change) bool { return strings.HasPrefix(c.Path, at) }) {
			out = append(out, graph.Change{Path: at + " data.*", Unknown: true, Anew: true})
		}
	}
	return out
}

// OlderThan names a pod that reads a Secret and is older than what the Secret holds, so that it may still use what it held
// before; empty where there is none. Pods that have ended do not count.
func (c *Cluster) OlderThan(ctx context.Context, namespace, name string) (string, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	var secret corev1.Secret
	err = conn.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read Secret %s/%s: %w", namespace, name, err)
	}
	changed := lastWritten(&secret)
	var pods corev1.PodList
	if err := conn.client.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
		return "", fmt.Errorf("list pods of %s: %w", namespace, err)
	}
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || !pod.CreationTimestamp.Time.Before(changed) {
			continue
		}
		spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod.Spec)
		if err != nil {
			return "", fmt.Errorf("read pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		if names(spec, name) {
			return pod.Namespace + "/" + pod.Name, nil
		}
	}
	return "", nil
}

// StillReads says what a pod of [Cluster.OlderThan] keeps from going; empty where there is none.
func StillReads(pod string, secret SecretKey) string {
	if pod == "" {
		return ""
	}
	return fmt.Sprintf("pod %s started before the Secret %s/%s was changed, and may sign in as before", pod, secret.Namespace, secret.Name)
}

// lastWritten is when k8or last changed anything of an object, by the API server's clock, as pods' own times are.
func lastWritten(o metav1.Object) time.Time {
	at := o.GetCreationTimestamp().Time
	for _, field := range o.GetManagedFields() {
		if field.Manager == FieldManager && field.Time != nil && field.Time.After(at) {
			at = field.Time.Time
		}
	}
	return at
}
