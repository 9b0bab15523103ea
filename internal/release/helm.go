// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"helm.sh/helm/v4/pkg/action"
	helmkube "helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/common"
	helm "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
)

const (
	// identityLabel is on a release's records: what it was made of.
	identityLabel = "k8or.io/identity"
	// hookLimit bounds the wait for a chart's hooks; nothing else is waited for.
	hookLimit = 10 * time.Minute
	// records is how many revisions Helm remembers.
	records = 10
)

// named has Helm apply under one name, whatever the binary is called: fields keep their owner.
var named = sync.OnceFunc(func() { helmkube.ManagedFieldsManager = kube.FieldManager })

// configure makes what one action of Helm's needs; it is not shared. All requests of the action end with ctx, as Helm's
// work itself does not.
func configure(ctx context.Context, cluster *kube.Cluster, namespace string) (*action.Configuration, error) {
	named()
	config, err := cluster.Config(ctx)
	if err != nil {
		return nil, err
	}
	config.Timeout = 0 // hooks are watched; what answers nothing is ended by the transport
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return bound{ctx, next} })
	a := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := a.Init(&getter{config: config, namespace: namespace}, namespace, "secret"); err != nil {
		return nil, fmt.Errorf("set Helm up: %w", err)
	}
	return a, nil
}

// bound sends nothing once its context has ended.
type bound struct {
	ctx  context.Context
	next http.RoundTripper
}

// RoundTrip sends a request, or refuses it.
func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.ctx.Err() != nil {
		return nil, context.Cause(b.ctx)
	}
	return b.next.RoundTrip(r)
}

// getter gives Helm clients of a cluster and knows no kubeconfig.
type getter struct {
	config    *rest.Config
	namespace string
	once      sync.Once
	cached    discovery.CachedDiscoveryInterface
	err       error
}

// ToRESTConfig is the way into the cluster.
func (g *getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.config), nil }

// ToDiscoveryClient says what the cluster knows, asked once.
func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	g.once.Do(func() {
		asking, err := discovery.NewDiscoveryClientForConfig(g.config)
		if err != nil {
			g.err = err
			return
		}
		g.cached = memory.NewMemCacheClient(asking)
	})
	return g.cached, g.err
}

// ToRESTMapper tells kinds and resources apart.
func (g *getter) ToRESTMapper() (meta.RESTMapper, error) {
	cached, err := g.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	return restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil), nil
}

// ToRawKubeConfigLoader knows the namespace and nothing else.
func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return clientcmd.NewDefaultClientConfig(*clientcmdapi.NewConfig(), &clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: g.namespace}})
}

// historyOf are the records of a release, oldest first.
func historyOf(ctx context.Context, cluster *kube.Cluster, namespace, name string) ([]*helm.Release, error) {
	a, err := configure(ctx, cluster, namespace)
	if err != nil {
		return nil, err
	}
	found, err := a.Releases.History(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the records of Helm release %s in %s: %w", name, namespace, err)
	}
	var out []*helm.Release
	for _, r := range found {
		if one, ok := r.(*helm.Release); ok && one.Info != nil {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b *helm.Release) int { return a.Version - b.Version })
	return out, nil
}

func (r *Release) labels() map[string]string {
	return map[string]string{kube.ManagedByLabel: kube.FieldManager, kube.PlatformLabel: r.kinds.options.Platform, identityLabel: r.identity}
}

func (r *Release) install(ctx context.Context, cluster *kube.Cluster) error {
	a, err := configure(ctx, cluster, r.spec.Namespace)
	if err != nil {
		return err
	}
	parsed, err := r.spec.Chart.Parsed()
	if err != nil {
		return err
	}
	install := action.NewInstall(a)
	install.ReleaseName, install.Namespace, install.Labels = r.spec.Name, r.spec.Namespace, r.labels()
	install.WaitStrategy, install.Timeout, install.ServerSideApply = helmkube.HookOnlyStrategy, hookLimit, true
	install.PostRenderer, install.PostRenderStrategy = keeper{}, action.PostRenderStrategyNoHooks
	install.Replace = true // a history of something uninstalled is no obstacle
	_, err = install.RunWithContext(context.WithoutCancel(ctx), parsed, plain(r.spec.Values))
	return err
}

// upgrade notes what a dead run left pending as failed, which Helm then upgrades from.
func (r *Release) upgrade(ctx context.Context, cluster *kube.Cluster) error {
	history, err := historyOf(ctx, cluster, r.spec.Namespace, r.spec.Name)
	if err != nil {
		return err
	}
	a, err := configure(ctx, cluster, r.spec.Namespace)
	if err != nil {
		return err
	}
	if len(history) > 0 {
		last := history[len(history)-1]
		switch last.Info.Status {
		case common.StatusDeployed, common.StatusFailed, common.StatusSuperseded:
		default:
			last.Info.Status, last.Info.Description = common.StatusFailed, "the run that did it was cut short"
			if err := a.Releases.Update(last); err != nil {
				return fmt.Errorf("note that revision %d was cut short: %w", last.Version, err)
			}
		}
	}
	parsed, err := r.spec.Chart.Parsed()
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(a)
	upgrade.Namespace, upgrade.Labels, upgrade.MaxHistory = r.spec.Namespace, r.labels(), records
	upgrade.ResetValues = true
	upgrade.WaitStrategy, upgrade.Timeout = helmkube.HookOnlyStrategy, hookLimit
	upgrade.ServerSideApply, upgrade.ForceConflicts = "true", true
	upgrade.PostRenderer, upgrade.PostRenderStrategy = keeper{}, action.PostRenderStrategyNoHooks
	_, err = upgrade.RunWithContext(context.WithoutCancel(ctx), r.spec.Name, parsed, plain(r.spec.Values))
	return err
}

// explain tells the engine what to make of an error of Helm's.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	told := fmt.Errorf("%s: %w", doing, err)
	switch text := err.Error(); {
	case strings.Contains(text, "invalid ownership metadata"):
		return graph.Permanent(fmt.Errorf("%s: what it would install %w: %v; remove it, or give the app another name", doing, graph.ErrStranger, err))
	case strings.Contains(text, "hooks failed"), strings.Contains(text, "failed pre-"), strings.Contains(text, "failed post-"):
		return graph.Permanent(told)
	}
	return kube.Classify(told)
}

// keeper marks what holds data, of the chart's own or of others, to be kept when the release goes: whether it goes too
// is decided by name.
type keeper struct{}

var kept = []string{"PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Namespace"}

// Run is asked by Helm once the chart is rendered.
func (keeper) Run(rendered *bytes.Buffer) (*bytes.Buffer, error) {
	objects, err := objectsOf(rendered.String())
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(objects, holds) {
		return rendered, nil
	}
	var out bytes.Buffer
	for _, o := range objects {
		if holds(o) {
			annotations := o.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[helmkube.ResourcePolicyAnno] = helmkube.KeepPolicy
			o.SetAnnotations(annotations)
		}
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return nil, err
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return &out, nil
}

func holds(o *unstructured.Unstructured) bool { return slices.Contains(kept, o.GetKind()) }

// objectsOf reads a manifest of Helm's.
func objectsOf(manifest string) ([]*unstructured.Unstructured, error) {
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	var out []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read what Helm rendered: %w", err)
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

// asSet is a release as a set to look at: its objects are Helm's and looked at all the same.
func asSet(rel *helm.Release, objects []*unstructured.Unstructured) kube.Set {
	set := kube.Set{Name: "release", Namespace: rel.Namespace}
	seen := map[kube.ID]bool{}
	for _, o := range objects {
		id := kube.IDOf(o)
		if o.GetName() == "" || seen[id] {
			continue // a generated name is known to the cluster alone
		}
		seen[id] = true
		set.Objects = append(set.Objects, o)
		set.Adopt = append(set.Adopt, id)
		if id.Namespace == "" {
			id.Namespace = rel.Namespace
			set.Adopt = append(set.Adopt, id)
		}
	}
	return set
}
