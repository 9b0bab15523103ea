// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	helm "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1/util"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Options is everything besides the chart that its objects follow from.
type Options struct {
	ReleaseName string         // what templates see as .Release.Name
	Namespace   string         // .Release.Namespace, and the namespace of every namespaced object that names none
	Values      map[string]any // over the chart's own; literals only
	KubeVersion string         // the platform's Kubernetes version, such as "1.36"; required
	APIVersions []string       // beyond Kubernetes' own: "monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor"
	IsUpgrade   bool           // .Release.IsUpgrade; fixed by each product, so that it never changes between runs
	SkipSchema  bool           // leave values.schema.json unread, for charts whose schema points at the network
	IncludeCRDs bool           // give the chart's CRDs in Rendered.CRDs; else they are left out altogether
}

// Rendered is what a chart's templates said, sorted.
type Rendered struct {
	Objects []*unstructured.Unstructured // to apply, in install order
	CRDs    []*unstructured.Unstructured // to apply first: from crds/ and from templates alike, by name
	Hooks   []Hook                       // to run once, in the order of their running
	Skipped []Skipped                    // test and rollback hooks, which k8or does not run
	Notes   string                       // the chart's NOTES.txt

	// StandIn says that no chart was rendered: the objects are made from a footprint.
	StandIn bool

	// Identity is a hash of the chart's files and the given values: what hooks are run once for.
	Identity string
}

// Key is what a hook is run once for at a moment: the chart, its values, and the moment.
func (r Rendered) Key(event Event, h Hook) string {
	return fmt.Sprintf("%s/%s/%s", event, describe(h.Object), r.Identity)
}

// Render runs the chart's templates without a cluster: lookup finds nothing, and DNS is not asked. A chart whose
// output differs from one rendering to the next is an error that names the objects and the functions behind it.
func Render(ctx context.Context, c *Chart, o Options) (Rendered, error) {
	r, err := renderStable(ctx, c, o)
	if err != nil {
		return Rendered{}, tell(err, fmt.Sprintf("chart %s %s cannot be rendered", c.Name, c.Version))
	}
	return r, nil
}

func renderStable(ctx context.Context, c *Chart, o Options) (Rendered, error) {
	first, impure, err := render(ctx, c, o)
	if err != nil || len(impure) == 0 {
		return first, err
	}
	// Calling such a function does no harm if its result is not used: only the output decides.
	second, _, err := render(ctx, c, o)
	if err != nil {
		return Rendered{}, err
	}
	if objects := differing(first, second); len(objects) > 0 {
		return Rendered{}, &UnstableError{Chart: c.Name, Version: c.Version, Objects: objects, Functions: impure}
	}
	return first, nil
}

func render(ctx context.Context, c *Chart, o Options) (Rendered, []string, error) {
	parsed, err := c.parse()
	if err != nil {
		return Rendered{}, nil, err
	}
	if parsed.Metadata.Type == "library" {
		return Rendered{}, nil, fmt.Errorf("it is a library: it has templates for other charts and no objects of its own")
	}
	capabilities, err := capabilities(o)
	if err != nil {
		return Rendered{}, nil, err
	}
	if wants := parsed.Metadata.KubeVersion; wants != "" && !chartutil.IsCompatibleRange(wants, capabilities.KubeVersion.String()) {
		return Rendered{}, nil, fmt.Errorf("it wants Kubernetes %s, the platform has %s", wants, o.KubeVersion)
	}
	values, err := renderValues(parsed, o, capabilities)
	if err != nil {
		return Rendered{}, nil, err
	}
	impure := newImpure()
	files, err := engine.Engine{CustomTemplateFuncs: impure.functions()}.RenderWithContext(ctx, parsed, values)
	if err != nil {
		return Rendered{}, nil, err
	}
	out, err := sortOutput(parsed, files, o)
	if err != nil {
		return Rendered{}, nil, err
	}
	out.Identity, err = identity(c, o.Values)
	return out, impure.called(), err
}

// identity is the same for the same files and values. Values are literals and hold no secrets, so that a hash of them may
// be kept.
func identity(c *Chart, values map[string]any) (string, error) {
	sum := sha256.New()
	files := slices.SortedFunc(slices.Values(c.files), func(a, b *archive.BufferedFile) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range files {
		fmt.Fprintf(sum, "%s %d\n", f.Name, len(f.Data))
		sum.Write(f.Data)
	}
	if err := json.NewEncoder(sum).Encode(values); err != nil {
		return "", fmt.Errorf("the given values are not JSON: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

func renderValues(parsed *helm.Chart, o Options, capabilities *common.Capabilities) (common.Values, error) {
	// Helm's merging keeps hold of the maps it is given, so it gets its own.
	given := deepCopy(o.Values)
	if err := chartutil.ProcessDependencies(parsed, given); err != nil {
		return nil, fmt.Errorf("enable subcharts: %w", err)
	}
	if !o.SkipSchema {
		if name, ref, found := schemaOnNetwork(parsed); found {
			return nil, fmt.Errorf("values.schema.json of %s refers to %s: rendering asks nothing of the network; skip the schema of this chart", name, ref)
		}
	}
	options := common.ReleaseOptions{Name: o.ReleaseName, Namespace: o.Namespace, Revision: 1, IsInstall: !o.IsUpgrade, IsUpgrade: o.IsUpgrade}
	return util.ToRenderValuesWithSchemaValidation(parsed, given, options, capabilities, o.SkipSchema)
}

// sortOutput takes the rendered files apart into objects, CRDs, hooks and notes.
func sortOutput(parsed *helm.Chart, files map[string]string, o Options) (Rendered, error) {
	var out Rendered
	out.Notes = strings.TrimSpace(files[path.Join(parsed.Name(), "templates", "NOTES.txt")])
	for _, crd := range parsed.CRDObjects() {
		found, err := decode(crd.Filename, string(crd.File.Data))
		if err != nil {
			return Rendered{}, err
		}
		out.CRDs = append(out.CRDs, found...)
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if base := path.Base(file); base == "NOTES.txt" || strings.HasPrefix(base, "_") {
			continue
		}
		found, err := decode(file, files[file])
		if err != nil {
			return Rendered{}, err
		}
		for _, object := range found {
			hook, skipped, err := hookOf(object)
			switch {
			case err != nil:
				return Rendered{}, fmt.Errorf("%s: %w", file, err)
			case skipped != nil:
				out.Skipped = append(out.Skipped, *skipped)
			case hook != nil:
				out.Hooks = append(out.Hooks, *hook)
			case isCRD(object):
				out.CRDs = append(out.CRDs, object)
			default:
				out.Objects = append(out.Objects, object)
			}
		}
	}
	scopes := scopesOf(out.CRDs)
	for _, object := range out.Objects {
		scopes.place(object, o.Namespace)
	}
	for _, hook := range out.Hooks {
		scopes.place(hook.Object, o.Namespace)
	}
	out.CRDs = uniqueByName(out.CRDs)
	if !o.IncludeCRDs {
		out.CRDs = nil
	}
	SortForInstall(out.Objects)
	sortHooks(out.Hooks)
	return out, twice(out.Objects)
}

// decode reads every document of a rendered file. Helm's own splitting is used, which forgives what real charts do.
func decode(file, text string) ([]*unstructured.Unstructured, error) {
	documents := release.SplitManifests(text)
	keys := slices.Collect(maps.Keys(documents))
	slices.SortFunc(keys, func(a, b string) int {
		if release.BySplitManifestsOrder([]string{a, b}).Less(0, 1) {
			return -1
		}
		return 1
	})
	var objects []*unstructured.Unstructured
	for _, key := range keys {
		found, err := decodeDocument(documents[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

// UnstableError says that a chart renders differently each time, so that every plan would show a change.
type UnstableError struct {
	Chart, Version string
	Objects        []string // "Secret/default/admin"
	Functions      []string // the template functions that were called, such as genCA
}

// Error names the objects, the functions, and the ways out.
func (e *UnstableError) Error() string {
	return fmt.Sprintf("render chart %s %s: %s would differ at every run, because the chart calls %s; "+
		"give the values that make it unneeded (an existing Secret, a certificate), or let Helm install it with `release: true`",
		e.Chart, e.Version, strings.Join(e.Objects, ", "), strings.Join(e.Functions, ", "))
}

func deepCopy(values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		out[k] = deepCopyValue(v)
	}
	return out
}

func deepCopyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return deepCopy(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = deepCopyValue(v[i])
		}
		return out
	default:
		return v
	}
}
