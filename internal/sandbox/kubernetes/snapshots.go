// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/k8or/k8or/internal/sandbox/operators"
)

// snapshots is the cloud's side of a cluster's volume snapshots, as DigitalOcean's driver calls it.
type snapshots struct {
	cloud   api
	cluster string
}

var _ operators.Volumes = snapshots{}

// apiWithin is how long the driver waits for the cloud.
const apiWithin = 10 * time.Second

type volumeSnapshot struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	MinDisk int64     `json:"min_disk_size"`
	Created time.Time `json:"created_at"`
}

func (v volumeSnapshot) known() operators.Snapshot {
	return operators.Snapshot{ID: v.ID, GiB: v.MinDisk, Taken: v.Created}
}

// Snapshot looks for a snapshot of the name among those of the volume, as the driver does, and takes one where there is none.
func (s snapshots) Snapshot(volume, name string) (operators.Snapshot, error) {
	ctx, cancel := context.WithTimeout(context.Background(), apiWithin)
	defer cancel()
	for page := 1; ; page++ {
		var all struct {
			Snapshots []volumeSnapshot `json:"snapshots"`
		}
		if err := s.cloud.call(ctx, "GET", fmt.Sprintf("/v2/volumes/%s/snapshots?per_page=50&page=%d", url.PathEscape(volume), page), nil, &all); err != nil {
			return operators.Snapshot{}, err
		}
		for _, one := range all.Snapshots {
			if one.Name == name {
				return one.known(), nil
			}
		}
		if len(all.Snapshots) < 50 {
			break
		}
	}
	var made struct {
		Snapshot volumeSnapshot `json:"snapshot"`
	}
	err := s.cloud.call(ctx, "POST", "/v2/volumes/"+url.PathEscape(volume)+"/snapshots", map[string]any{
		"name": name, "description": "Created by DigitalOcean CSI driver", "tags": []string{"k8s:" + s.cluster},
	}, &made)
	return made.Snapshot.known(), err
}

// Find reads one snapshot.
func (s snapshots) Find(id string) (operators.Snapshot, bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), apiWithin)
	defer cancel()
	var one struct {
		Snapshot volumeSnapshot `json:"snapshot"`
	}
	err := s.cloud.call(ctx, "GET", "/v2/snapshots/"+url.PathEscape(id), nil, &one)
	if no, ok := errors.AsType[*refusal](err); ok && no.Status == http.StatusNotFound {
		return operators.Snapshot{}, false, nil
	}
	return one.Snapshot.known(), err == nil, err
}

// Discard deletes a snapshot.
func (s snapshots) Discard(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), apiWithin)
	defer cancel()
	err := s.cloud.call(ctx, "DELETE", "/v2/snapshots/"+url.PathEscape(id), nil, nil)
	if no, ok := errors.AsType[*refusal](err); ok && no.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// snapshotOf is the snapshot at the cloud that a claim is to be made from, empty where it asks for none; false while it is not ready.
func (h *hands) snapshotOf(ctx context.Context, c *corev1.PersistentVolumeClaim) (string, bool, error) {
	source := c.Spec.DataSource
	if source == nil || source.Kind != "VolumeSnapshot" {
		return "", true, nil
	}
	read := func(resource, namespace, name string) (*unstructured.Unstructured, error) {
		o, err := h.custom.Resource(schema.GroupVersionResource{Group: snapshotGroup, Version: "v1", Resource: resource}).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return &unstructured.Unstructured{}, nil
		}
		return o, err
	}
	snapshot, err := read("volumesnapshots", c.Namespace, source.Name)
	if err != nil {
		return "", false, err
	}
	bound, _, _ := unstructured.NestedString(snapshot.Object, "status", "boundVolumeSnapshotContentName")
	if bound == "" {
		return "", false, nil
	}
	content, err := read("volumesnapshotcontents", "", bound)
	if err != nil {
		return "", false, err
	}
	ready, _, _ := unstructured.NestedBool(content.Object, "status", "readyToUse")
	handle, _, _ := unstructured.NestedString(content.Object, "status", "snapshotHandle")
	return handle, ready && handle != "", nil
}
