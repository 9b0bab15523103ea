// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Evidence is one thing that keeps a set from being ready, in the cluster's own words.
type Evidence struct {
	ID ID
	// Message is a sentence: what the object's condition, its pod's container, or a warning about it says.
	Message string
	// Seen is when that was last seen; zero where the cluster does not say.
	Seen time.Time

	depth int // how deep below what waits for it: a pod's container is deeper than its Deployment
}

// Below says what keeps a set from being ready, with everything below it: its objects, what they made, and the warnings about
// any of them. What lies deepest comes first, since what is above it only waits for it: the root cause first. It is empty of a
// set that is ready.
func (c *Cluster) Below(ctx context.Context, set Set) ([]Evidence, error) {
	b, err := c.below(ctx, set)
	if err != nil {
		return nil, err
	}
	var out []Evidence
	for _, s := range b.sights {
		if s.live == nil {
			out = append(out, Evidence{ID: s.id, Message: "it is not there"})
			continue
		}
		if one := standing(s.live); one.State != Ready {
			out = append(out, Evidence{ID: s.id, Message: one.Message})
		}
	}
	for _, w := range b.waits {
		out = append(out, Evidence{ID: w.id, Message: w.why, depth: 3})
	}
	for i := range b.pods {
		pod := &b.pods[i]
		if gravity, text := podTrouble(pod); gravity > 0 {
			out = append(out, Evidence{ID: podID(pod), Message: text, depth: 1 + gravity})
		}
	}
	for _, claim := range b.claims {
		if claim.Status.Phase != corev1.ClaimBound {
			id := ID{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name}
			out = append(out, Evidence{ID: id, Message: fmt.Sprintf("it has no volume yet: it is %s", cmp.Or(string(claim.Status.Phase), "new")), depth: gravityImage + 2})
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	warnings, err := b.conn.warnings(ctx, b)
	if err != nil {
		return nil, err
	}
	out = append(out, warnings...)
	slices.SortStableFunc(out, func(a, b Evidence) int { return cmp.Or(cmp.Compare(b.depth, a.depth), b.Seen.Compare(a.Seen)) })
	return out, nil
}

func podID(pod *corev1.Pod) ID {
	return ID{Version: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
}

// subtree is a set with what its objects made.
type subtree struct {
	conn   *connection
	sights []*sight
	waits  []pending
	pods   []corev1.Pod
	claims []corev1.PersistentVolumeClaim
	uids   map[types.UID]bool
	spaces []string
}

// below reads a set and follows owners down from it: workloads, Jobs, pods, and the claims that those pods mount. What an
// operator makes of a custom resource has that as its owner, so it is found too.
func (c *Cluster) below(ctx context.Context, set Set) (*subtree, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	set, waits, err := c.derive(ctx, conn, set)
	if err != nil {
		return nil, err
	}
	sights, err := c.sight(ctx, conn, set)
	if err != nil {
		return nil, err
	}
	b := &subtree{conn: conn, sights: sights, waits: waits, uids: map[types.UID]bool{}}
	for _, o := range objectsOf(sights) {
		b.uids[o.GetUID()] = true
		if ns := o.GetNamespace(); ns != "" && !slices.Contains(b.spaces, ns) {
			b.spaces = append(b.spaces, ns)
		}
	}
	for _, ns := range b.spaces {
		if err := b.descend(ctx, ns); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// owned takes what belongs to the subtree into it, and says whether it did.
func (b *subtree) owned(o metav1.Object) bool {
	if b.uids[o.GetUID()] || slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return b.uids[r.UID] }) {
		b.uids[o.GetUID()] = true
		return true
	}
	return false
}

// descend goes through one namespace, from what owns to what is owned.
func (b *subtree) descend(ctx context.Context, ns string) error {
	var deployments appsv1.DeploymentList
	var sets appsv1.StatefulSetList
	var daemons appsv1.DaemonSetList
	var replicas appsv1.ReplicaSetList
	var cron batchv1.CronJobList
	var jobs batchv1.JobList
	var pods corev1.PodList
	var claims corev1.PersistentVolumeClaimList
	for _, list := range []client.ObjectList{&deployments, &sets, &daemons, &replicas, &cron, &jobs, &pods, &claims} {
		if err := b.conn.client.List(ctx, list, client.InNamespace(ns)); err != nil {
			return fmt.Errorf("look below the set in %s: %w", ns, err)
		}
	}
	for i := range deployments.Items {
		b.owned(&deployments.Items[i])
	}
	for i := range sets.Items {
		b.owned(&sets.Items[i])
	}
	for i := range daemons.Items {
		b.owned(&daemons.Items[i])
	}
	for i := range replicas.Items {
		b.owned(&replicas.Items[i])
	}
	for i := range cron.Items {
		b.owned(&cron.Items[i])
	}
	for i := range jobs.Items {
		b.owned(&jobs.Items[i])
	}
	mounted := map[string]bool{}
	for _, pod := range pods.Items {
		if !b.owned(&pod) {
			continue
		}
		b.pods = append(b.pods, pod)
		for _, v := range pod.Spec.Volumes {
			if v.PersistentVolumeClaim != nil {
				mounted[v.PersistentVolumeClaim.ClaimName] = true
			}
		}
	}
	for _, claim := range claims.Items {
		if b.owned(&claim) || mounted[claim.Name] {
			b.uids[claim.UID] = true
			b.claims = append(b.claims, claim)
		}
	}
	return nil
}

// warnings are the newest warning about each object of a subtree.
func (conn *connection) warnings(ctx context.Context, b *subtree) ([]Evidence, error) {
	newest := map[types.UID]corev1.Event{}
	for _, ns := range b.spaces {
		var events corev1.EventList
		if err := conn.client.List(ctx, &events, client.InNamespace(ns), client.MatchingFields{"type": corev1.EventTypeWarning}); err != nil {
			if err := onlyExplains(err, "list the events of "+ns); err != nil {
				return nil, err
			}
			continue
		}
		for _, e := range events.Items {
			uid := e.InvolvedObject.UID
			if had, ok := newest[uid]; b.uids[uid] && (!ok || eventTime(&e).After(eventTime(&had).Time)) {
				newest[uid] = e
			}
		}
	}
	var out []Evidence
	for _, e := range newest {
		o := e.InvolvedObject
		depth := 1
		if o.Kind == "Pod" || o.Kind == "PersistentVolumeClaim" {
			depth = 2
		}
		out = append(out, Evidence{ID: ID{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}, Message: shorten(e.Message), Seen: eventTime(&e).Time, depth: depth})
	}
	slices.SortFunc(out, func(a, b Evidence) int {
		return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID.String(), b.ID.String()))
	})
	return out, nil
}
