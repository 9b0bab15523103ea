// SPDX-License-Identifier: Apache-2.0

// Package chart turns a pinned Helm chart and its values into Kubernetes objects.
//
// It does two things and writes nothing to any cluster. A [Fetcher] finds a chart: in a folder of charts
// named by the user, then in the cache, then where it is published; a recorded digest is always checked.
// [Render] runs the chart's templates with Helm's own engine, without a cluster, and sorts what comes out:
// objects to apply, CRDs to apply first, hooks to run once, and what is left out on purpose. The same chart,
// values and options give the same bytes; a chart that cannot keep that is refused, with the reason.
package chart

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	helm "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// Chart is a chart in memory: its files and what its Chart.yaml says. It never changes, so one Chart may be
// rendered many times and at once.
type Chart struct {
	Name       string // from Chart.yaml
	Version    string // from Chart.yaml, without a leading v being added or taken
	AppVersion string // the version of what it installs; may be empty
	From       string // where it was found, for people
	Digest     string // "sha256:…" of its archive; empty for an unpacked folder, which has none
	Notes      []string

	files []*archive.BufferedFile
}

// Load reads a chart from an unpacked folder or a .tgz archive, such as an app's own chart beside its document.
func Load(path string) (*Chart, error) {
	c, err := load(path)
	return c, tell(err, "the chart "+path+" cannot be read")
}

func load(path string) (*Chart, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("load chart: %w; name a folder with a Chart.yaml, or a .tgz of one", err)
	}
	if info.IsDir() {
		return loadFolder(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load chart: %w", err)
	}
	return parseArchive(data, path)
}

// loadFolder keeps the folder's files rather than Helm's parsed chart: rendering changes a parsed chart, files it
// leaves alone.
func loadFolder(path string) (*Chart, error) {
	parsed, err := loader.LoadDir(path)
	if err != nil {
		return nil, fmt.Errorf("load chart from folder %s: %w", path, err)
	}
	files := make([]*archive.BufferedFile, len(parsed.Raw))
	for i, f := range parsed.Raw {
		files[i] = &archive.BufferedFile{Name: f.Name, Data: f.Data}
	}
	return newChart(parsed, files, path, ""), nil
}

func parseArchive(data []byte, from string) (*Chart, error) {
	files, err := archive.LoadArchiveFiles(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpack chart archive %s: %w", from, err)
	}
	parsed, err := loader.LoadFiles(files)
	if err != nil {
		return nil, fmt.Errorf("load chart archive %s: %w", from, err)
	}
	return newChart(parsed, files, from, digestOf(data)), nil
}

func newChart(parsed *helm.Chart, files []*archive.BufferedFile, from, digest string) *Chart {
	return &Chart{
		Name:       parsed.Metadata.Name,
		Version:    parsed.Metadata.Version,
		AppVersion: parsed.Metadata.AppVersion,
		From:       from,
		Digest:     digest,
		files:      files,
	}
}

// parse gives Helm a chart of its own to work on.
func (c *Chart) parse() (*helm.Chart, error) {
	parsed, err := loader.LoadFiles(c.files)
	if err != nil {
		return nil, fmt.Errorf("load chart %s %s: %w", c.Name, c.Version, err)
	}
	return parsed, nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
