// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
)

// maxVolumes is how many volumes a DOKS node takes (docs, 2025-11-14); the scheduler reads it from the CSINode object.
const maxVolumes = 15

// offerVolumes tells the scheduler that a node takes DigitalOcean's volumes, and how many. It goes with its node.
func offerVolumes(ctx context.Context, client kubernetes.Interface, node *corev1.Node, droplet int) error {
	most := int32(maxVolumes)
	_, err := client.StorageV1().CSINodes().Create(ctx, &storagev1.CSINode{
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}}},
		Spec: storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{{
			Name: provisioner, NodeID: fmt.Sprint(droplet), TopologyKeys: []string{"region"}, Allocatable: &storagev1.VolumeNodeResources{Count: &most},
		}}},
	}, metav1.CreateOptions{})
	return err
}

// attached is what the hands read of a volume's place.
type attached struct {
	ID       string `json:"id"`
	Droplets []int  `json:"droplet_ids"`
}

// attachments brings every volume to the Droplet whose pods use it, and away from one whose pods no longer do.
func (h *hands) attachments(ctx context.Context) (open bool) {
	ours := h.handles()
	if len(ours) == 0 {
		return false
	}
	wanted := h.users(ours)
	volumes, err := h.allVolumes(ctx)
	if err != nil {
		return true
	}
	for _, v := range volumes {
		if !slices.Contains(ours, v.ID) {
			continue
		}
		want, have := wanted[v.ID], 0
		if len(v.Droplets) > 0 {
			have = v.Droplets[0]
		}
		if want == have {
			continue
		}
		open = true
		action := map[string]any{"type": "attach", "droplet_id": want, "region": h.spec.Region}
		if have != 0 {
			action = map[string]any{"type": "detach", "droplet_id": have, "region": h.spec.Region}
		}
		// A pending event refuses another; the next pass tries again.
		h.cloud.call(ctx, "POST", "/v2/volumes/"+v.ID+"/actions", action, nil) //nolint:errcheck // see above
	}
	return open
}

// handles are the volumes of this cluster.
func (h *hands) handles() []string {
	all, err := h.seen.Core().V1().PersistentVolumes().Lister().List(labels.Everything())
	if err != nil {
		return nil
	}
	var ours []string
	for _, pv := range all {
		if pv.Spec.CSI != nil && pv.Spec.CSI.Driver == provisioner {
			ours = append(ours, pv.Spec.CSI.VolumeHandle)
		}
	}
	return ours
}

// users says on which Droplet each volume is used by a pod.
func (h *hands) users(ours []string) map[string]int {
	h.mu.Lock()
	droplets := map[string]int{}
	for _, n := range h.nodes {
		droplets[n.Name] = n.DropletID
	}
	h.mu.Unlock()
	used := map[string]int{}
	pods, err := h.seen.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return used
	}
	for _, p := range pods {
		if droplets[p.Spec.NodeName] == 0 || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		for _, v := range p.Spec.Volumes {
			if handle := h.handleOf(p, v); slices.Contains(ours, handle) {
				used[handle] = droplets[p.Spec.NodeName]
			}
		}
	}
	return used
}

// handleOf is the volume behind one of a pod's, or nothing.
func (h *hands) handleOf(p *corev1.Pod, v corev1.Volume) string {
	name := ""
	switch {
	case v.PersistentVolumeClaim != nil:
		name = v.PersistentVolumeClaim.ClaimName
	case v.Ephemeral != nil:
		name = p.Name + "-" + v.Name
	default:
		return ""
	}
	c, err := h.seen.Core().V1().PersistentVolumeClaims().Lister().PersistentVolumeClaims(p.Namespace).Get(name)
	if err != nil {
		return ""
	}
	pv, err := h.seen.Core().V1().PersistentVolumes().Lister().Get(c.Spec.VolumeName)
	if err != nil || pv.Spec.CSI == nil {
		return ""
	}
	return pv.Spec.CSI.VolumeHandle
}

func (h *hands) allVolumes(ctx context.Context) ([]attached, error) {
	var all []attached
	for page := 1; ; page++ {
		var some struct {
			Volumes []attached `json:"volumes"`
			Meta    struct {
				Total int `json:"total"`
			} `json:"meta"`
		}
		if err := h.cloud.call(ctx, "GET", fmt.Sprintf("/v2/volumes?region=%s&per_page=200&page=%d", h.spec.Region, page), nil, &some); err != nil {
			return nil, err
		}
		all = append(all, some.Volumes...)
		if len(some.Volumes) == 0 || len(all) >= some.Meta.Total {
			return all, nil
		}
	}
}

// busy says whether the cloud refused only because something else is still under way with the volume.
func busy(err error) bool {
	var no *refusal
	return errors.As(err, &no) && (no.Status == 409 || no.Status == 422)
}
