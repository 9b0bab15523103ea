// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"slices"
	"time"
)

// lintRun is one clusterlint run. It finds nothing: no check is played.
type lintRun struct {
	ID      string    `json:"id"`
	Cluster string    `json:"cluster"`
	At      time.Time `json:"at"`
}

func (c *Cloud) runLint(q *request, k *cluster) (any, error) {
	var in struct {
		IncludeGroups []string `json:"include_groups"`
		IncludeChecks []string `json:"include_checks"`
		ExcludeGroups []string `json:"exclude_groups"`
		ExcludeChecks []string `json:"exclude_checks"`
	}
	if len(q.body) > 0 {
		if err := q.decode(&in); err != nil {
			return nil, err
		}
	}
	r := &lintRun{ID: c.newUUID(), Cluster: k.ID, At: c.born().Created}
	q.account.Kubernetes.Lint = append(q.account.Kubernetes.Lint, r)
	return object{"run_id": r.ID}, nil
}

func (c *Cloud) getLint(q *request, k *cluster) (any, error) {
	wanted := q.URL.Query().Get("run_id")
	for _, r := range slices.Backward(q.account.Kubernetes.Lint) {
		if r.Cluster == k.ID && (wanted == "" || wanted == r.ID) {
			return object{"run_id": r.ID, "requested_at": r.At, "completed_at": r.At, "diagnostics": []object{}}, nil
		}
	}
	return nil, notFound()
}

// registryInput serves both the old integration call and the one that names registries.
type registryInput struct {
	Clusters   []string `json:"cluster_uuids"`
	Registries []string `json:"registries"`
}

func (c *Cloud) eachIntegrated(q *request, change func(*cluster, []string)) error {
	var in registryInput
	if err := q.decode(&in); err != nil {
		return err
	}
	if len(in.Registries) == 0 { // the account's one, which the old call does not name
		switch all := q.account.Registries.All; len(all) {
		case 0:
			return fail(http.StatusPreconditionFailed, "this account has no container registry")
		case 1:
			in.Registries = []string{all[0].Name}
		default:
			return manyRegistries()
		}
	}
	for _, name := range in.Registries {
		if q.account.Registries.find(name) == nil {
			return notFound()
		}
	}
	var all []*cluster
	for _, id := range in.Clusters {
		k := q.account.Kubernetes.find(id)
		if k == nil {
			return notFound()
		}
		all = append(all, k)
	}
	for _, k := range all {
		change(k, in.Registries)
		c.hands.nudge(k.ID)
		k.Updated = c.born().Created
	}
	return nil
}

func (c *Cloud) addRegistry(q *request) (any, error) {
	return nil, c.eachIntegrated(q, func(k *cluster, names []string) {
		for _, n := range names {
			if !slices.Contains(k.Registries, n) {
				k.Registries = append(k.Registries, n)
				c.addCredential(q.account, &registryCredential{Registry: n, Cluster: k.ID})
			}
		}
	})
}

func (c *Cloud) removeRegistry(q *request) (any, error) {
	return nil, c.eachIntegrated(q, func(k *cluster, names []string) {
		k.Registries = slices.DeleteFunc(k.Registries, func(n string) bool { return slices.Contains(names, n) })
		for _, n := range names {
			q.account.Registries.revoke(k.ID, n)
		}
	})
}
