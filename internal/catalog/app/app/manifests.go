// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/product"
)

// fromManifests applies a folder of manifests, or of a kustomization, as they are: objects that name no namespace go to
// the app's.
func fromManifests(b *product.Building, e entry) error {
	before, err := b.AppNamespace(e.Spec.Namespace)
	if err != nil {
		return err
	}
	objects, err := readManifests(filepath.Join(b.Platform().Dir, e.Spec.Manifests))
	if err != nil {
		return err
	}
	used, err := uses(b, e)
	if err != nil {
		return err
	}
	if _, err := b.Set(e.ID, product.SetSpec{Namespace: e.Spec.Namespace, Objects: objects, Follows: follows(used)}, graph.After(after(used, before)...)); err != nil {
		return err
	}
	offer(b, e, e.Name)
	logs(b, e, objects)
	return apart(b, e, podsOf(e, objects)...)
}

// readManifests reads all objects of a folder, in the order of the file names, or what kustomize makes of it.
func readManifests(dir string) ([]*unstructured.Unstructured, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of manifests: %w", err)
	}
	defer root.Close()
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if _, err := root.Stat(name); err == nil {
			return kustomize(dir)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the folder of manifests: %w", err)
	}
	var out []*unstructured.Unstructured
	for _, entry := range entries {
		if entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) {
			continue
		}
		raw, err := root.ReadFile(entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		objects, err := decode(raw)
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", filepath.Join(dir, entry.Name()), err)
		}
		out = append(out, objects...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the folder %s holds no manifest: put *.yaml files or a kustomization.yaml into it", dir)
	}
	return out, nil
}

func kustomize(dir string) ([]*unstructured.Unstructured, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("build the kustomization in %s: %w", dir, err)
	}
	raw, err := resources.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("build the kustomization in %s: %w", dir, err)
	}
	return decode(raw)
}

func decode(raw []byte) ([]*unstructured.Unstructured, error) {
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	var out []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(o.Object) == 0 {
			continue
		}
		if o.GetKind() == "" || o.GetAPIVersion() == "" || o.GetName() == "" {
			return nil, fmt.Errorf("document %d has no apiVersion, kind or metadata.name", len(out)+1)
		}
		if o.IsList() {
			list, err := o.ToList()
			if err != nil {
				return nil, err
			}
			for i := range list.Items {
				out = append(out, &list.Items[i])
			}
			continue
		}
		out = append(out, o)
	}
}
