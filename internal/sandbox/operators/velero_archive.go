// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
)

// archived is what a backup holds.
type archived struct {
	Objects   []map[string]any  // namespaces first
	Snapshots map[string]string // the cloud's ids, by namespace/claim
}

// The files of a backup beside its objects, in its folder of the bucket. Velero keeps VolumeSnapshots in the second; here it is the
// snapshots' ids alone.
const metadataFile = "velero-backup.json"

func archiveFile(backup string) string   { return backup + ".tar.gz" }
func snapshotsFile(backup string) string { return backup + "-csi-volumesnapshots.json.gz" }

// backedUp are the kinds that a played backup holds, in the order in which they are restored.
var backedUp = []schema.GroupResource{namespaces, secrets, configMaps, claims, services, deployments, statefulSets, daemonSets, budgets}

// notBackedUp is the label of an object, or of a namespace with all that is in it, that is left out of backups.
const notBackedUp = "velero.io/exclude-from-backup"

// short is a few letters of a uid, for names.
func short(uid types.UID) string { return string(uid)[:min(8, len(uid))] }

// chosenFor are the objects that a backup asks for, without those that somebody makes anew by himself.
func chosenFor(s *Scene) []Object {
	included, excluded := textsAt(s.Object.Object, "spec", "includedNamespaces"), textsAt(s.Object.Object, "spec", "excludedNamespaces")
	for _, n := range s.List(namespaces) {
		if n.GetLabels()[notBackedUp] == "true" {
			excluded = append(excluded, n.GetName())
		}
	}
	in := func(namespace string) bool {
		return (len(included) == 0 || slices.Contains(included, "*") || slices.Contains(included, namespace)) && !slices.Contains(excluded, namespace)
	}
	var out []Object
	for _, resource := range backedUp {
		for _, o := range s.List(resource) {
			namespace := o.GetNamespace()
			if resource == namespaces {
				namespace = o.GetName()
			}
			if !in(namespace) || o.GetLabels()[notBackedUp] == "true" || o.GetDeletionTimestamp() != nil || len(o.GetOwnerReferences()) > 0 || textAt(o.Object, "type") == "kubernetes.io/service-account-token" || o.GetName() == "kube-root-ca.crt" {
				continue
			}
			out = append(out, o)
		}
	}
	return out
}

// pack is the archive of the objects, laid out as Velero does: resources/<kind>/namespaces/<namespace>/<name>.json, and
// resources/<kind>/cluster/<name>.json.
func pack(chosen []Object) ([]byte, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	files := tar.NewWriter(zip)
	add := func(name string, content []byte) error {
		err := files.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))})
		if err == nil {
			_, err = files.Write(content)
		}
		return err
	}
	err := add("metadata/version", []byte("1.1.0"))
	for _, o := range chosen {
		where := "cluster"
		if o.GetNamespace() != "" {
			where = "namespaces/" + o.GetNamespace()
		}
		content, encode := json.Marshal(bare(o))
		err = errors.Join(err, encode, add(path.Join("resources", ResourceOf(o).GroupResource().String(), where, o.GetName()+".json"), content))
	}
	err = errors.Join(err, files.Close(), zip.Close())
	return packed.Bytes(), err
}

// unpack reads an archive, in the order in which objects are restored.
func unpack(packed []byte) ([]map[string]any, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	files, byKind := tar.NewReader(zip), map[string][]map[string]any{}
	for {
		file, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		kind, _, inside := strings.Cut(strings.TrimPrefix(file.Name, "resources/"), "/")
		if !inside || !strings.HasPrefix(file.Name, "resources/") {
			continue
		}
		content, err := io.ReadAll(files)
		if err != nil {
			return nil, err
		}
		var o map[string]any
		if err := json.Unmarshal(content, &o); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		byKind[kind] = append(byKind[kind], o)
	}
	var out []map[string]any
	for _, kind := range backedUp {
		out = append(out, byKind[kind.String()]...)
	}
	return out, nil
}

// file puts a backup into its folder: the objects, the snapshots, and at last what it says of itself, by which it is found.
func (s *store) file(backup Object, chosen []Object, snapshots map[string]string) error {
	packed, err := pack(chosen)
	if err != nil {
		return fmt.Errorf("pack the backup: %w", err)
	}
	var ids bytes.Buffer
	zip := gzip.NewWriter(&ids)
	raw, err := json.Marshal(snapshots)
	if err == nil {
		_, err = zip.Write(raw)
	}
	itself, encode := json.Marshal(backup.Object)
	if err := errors.Join(err, zip.Close(), encode); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	name := backup.GetName()
	if err := s.put(name, archiveFile(name), packed); err != nil {
		return err
	}
	if err := s.put(name, snapshotsFile(name), ids.Bytes()); err != nil {
		return err
	}
	return s.put(name, metadataFile, itself)
}

// open reads a backup out of its folder.
func (s *store) open(backup string) (archived, error) {
	var what archived
	packed, err := s.get(backup, archiveFile(backup))
	if err != nil {
		return what, err
	}
	if what.Objects, err = unpack(packed); err != nil {
		return what, fmt.Errorf("unpack backup %s: %w", backup, err)
	}
	ids, err := s.get(backup, snapshotsFile(backup))
	if err != nil {
		return what, err
	}
	zip, err := gzip.NewReader(bytes.NewReader(ids))
	if err == nil {
		ids, err = io.ReadAll(zip)
	}
	if err == nil {
		err = json.Unmarshal(ids, &what.Snapshots)
	}
	return what, err
}
