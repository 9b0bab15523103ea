// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// sight is one wanted object and what the cluster has in its place.
type sight struct {
	id      ID
	want    *unstructured.Unstructured
	live    *unstructured.Unstructured // nil when absent
	unknown bool                       // the cluster does not know the kind
	kept    string                     // who else looks after it, if k8or leaves it to them
}

// Stranger is an object that has a name a set wants, and is not the platform's.
type Stranger struct {
	ID    ID
	Owner string // "Helm release traefik in kube-system", "platform other-k3j9x1", "kubectl"
}

// ErrStranger says that a name is taken by something that k8or did not make. Nothing was changed.
var ErrStranger = errors.New("not made by this platform")

// StrangerError is an [ErrStranger] with its particulars.
type StrangerError struct{ Strangers []Stranger }

// Error names each object and its owner.
func (e *StrangerError) Error() string {
	var parts []string
	for _, s := range e.Strangers {
		parts = append(parts, fmt.Sprintf("%s is there already and belongs to %s", s.ID, s.Owner))
	}
	return strings.Join(parts, "; ") + "; nothing was changed. Remove it, or give the product another name"
}

// Is makes it match [ErrStranger].
func (e *StrangerError) Is(target error) bool { return target == ErrStranger }

// sight reads every object of a set, and refuses strangers.
func (c *Cluster) sight(ctx context.Context, conn *connection, set Set) ([]*sight, error) {
	prepared, err := c.prepare(conn, set)
	if err != nil {
		return nil, err
	}
	sights := make([]*sight, len(prepared))
	strangers := make([]*Stranger, len(prepared))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, want := range prepared {
		group.Go(func() error {
			s := &sight{id: IDOf(want), want: want}
			sights[i] = s
			if err := conn.read(ctx, s); err != nil {
				return err
			}
			if s.live == nil {
				return nil
			}
			owner := c.strangerTo(s.live)
			switch {
			case owner == "" && (s.id.isNamespace() || s.id.isCRD()):
				// Sets may share these; the first to have made one keeps its name on it.
				if first := s.live.GetLabels()[SetLabel]; first != "" {
					setLabel(s.want, SetLabel, first)
				}
			case owner == "" || set.adopts(s.id):
			case s.id.isCRD():
				s.kept = owner
			default:
				strangers[i] = &Stranger{s.id, owner}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var found StrangerError
	for _, s := range strangers {
		if s != nil {
			found.Strangers = append(found.Strangers, *s)
		}
	}
	if len(found.Strangers) > 0 {
		return nil, &found
	}
	return sights, nil
}

// read fills in what the cluster has.
func (conn *connection) read(ctx context.Context, s *sight) error {
	live, err := conn.get(ctx, s.id)
	switch {
	case isUnknownKind(err):
		s.unknown = true
	case err != nil:
		return err
	default:
		s.live, s.unknown = live, false
	}
	return nil
}

// get reads an object; nil without an error means that it is not there.
func (conn *connection) get(ctx context.Context, id ID) (*unstructured.Unstructured, error) {
	o := id.object()
	err := conn.client.Get(ctx, client.ObjectKeyFromObject(o), o)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	return o, nil
}

// strangerTo names whose an object is, or is empty when it is this platform's.
func (c *Cluster) strangerTo(live *unstructured.Unstructured) string {
	labels, annotations := live.GetLabels(), live.GetAnnotations()
	switch platform := labels[PlatformLabel]; {
	case platform == c.options.Platform:
		return ""
	case platform != "":
		return "platform " + platform
	}
	if release := annotations["meta.helm.sh/release-name"]; release != "" {
		return fmt.Sprintf("Helm release %s in %s", release, annotations["meta.helm.sh/release-namespace"])
	}
	var managers []string
	for _, field := range live.GetManagedFields() {
		if field.Subresource == "" && !slices.Contains(managers, field.Manager) {
			managers = append(managers, field.Manager)
		}
	}
	if len(managers) == 0 {
		return "somebody else"
	}
	return strings.Join(managers, " and ")
}

// normalizeForApply mends what server-side apply trips over: a Secret's stringData, and CRDs with an empty caBundle.
func normalizeForApply(o *unstructured.Unstructured) error {
	delete(o.Object, "status")
	utils.RemoveCABundleFromCRD(o)
	if isSecret(o) {
		return normalize.Unstructured(o)
	}
	return nil
}

func setLabel(o *unstructured.Unstructured, key, value string) {
	labels := maps.Clone(o.GetLabels())
	labels[key] = value
	o.SetLabels(labels)
}
