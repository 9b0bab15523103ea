// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Source says which chart is wanted and where it is published.
type Source struct {
	Repo    string // oci://registry/folder, or https:// of a repository with an index.yaml
	Name    string // the chart's name; in a registry, the last part of its path
	Version string // exact
	Digest  string // "sha256:…" of the archive, once recorded; empty means that nobody has recorded it
}

// String names the source for people.
func (s Source) String() string { return fmt.Sprintf("%s %s (%s)", s.Name, s.Version, s.Repo) }

// Fetcher finds charts: in Dir, then in Cache, then where they are published. The zero Fetcher asks upstream
// alone. A Fetcher may be used at once by many.
type Fetcher struct {
	Dir     string        // the user's folder of charts: <name>/, <name>-<version>/, <name>-<version>.tgz or <name>.tgz
	Cache   string        // where archives from upstream are kept; made when missing; empty keeps none
	Timeout time.Duration // how long upstream may take to begin an answer; 0 means 5 seconds
	HTTP    *http.Client  // nil means a plain client; https alone is spoken, whatever it allows

	once     sync.Once
	upstream *upstream
	mu       sync.Mutex
	fetched  map[Source]*flight
}

// flight is one fetch that all who ask for the same source share.
type flight struct {
	done  chan struct{}
	chart *Chart
	err   error
}

// Fetch returns the chart that source names. Errors match [*NotFoundError] when no place has it, with every place
// that was looked at, and [*DigestError] when a place has something else under its name, which ends the search.
func (f *Fetcher) Fetch(ctx context.Context, source Source) (*Chart, error) {
	c, err := f.fetch(ctx, source)
	return c, tell(err, fmt.Sprintf("chart %s %s cannot be used", source.Name, source.Version))
}

func (f *Fetcher) fetch(ctx context.Context, source Source) (*Chart, error) {
	if err := source.check(); err != nil {
		return nil, err
	}
	var looked []Look
	// The user's own folder may change under us; it is cheap to read and never remembered.
	found, err := f.fromDir(source, &looked)
	if found != nil || err != nil {
		return found, err
	}
	return f.shared(ctx, source, func() (*Chart, error) { return f.fromCacheOrUpstream(ctx, source, looked) })
}

// shared runs fetch once for all callers of a source and remembers a success; a failure is forgotten, so that the
// next call tries again.
func (f *Fetcher) shared(ctx context.Context, source Source, fetch func() (*Chart, error)) (*Chart, error) {
	for {
		f.mu.Lock()
		if f.fetched == nil {
			f.fetched = map[Source]*flight{}
		}
		running, ok := f.fetched[source]
		if !ok {
			running = &flight{done: make(chan struct{})}
			f.fetched[source] = running
			f.mu.Unlock()
			running.chart, running.err = fetch()
			if running.err != nil {
				f.mu.Lock()
				delete(f.fetched, source)
				f.mu.Unlock()
			}
			close(running.done)
			return running.chart, running.err
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("fetch chart %s: %w", source, context.Cause(ctx))
		case <-running.done:
		}
		// Another caller's interruption is no answer for this one.
		if running.err != nil && errors.Is(running.err, context.Canceled) && ctx.Err() == nil {
			continue
		}
		return running.chart, running.err
	}
}

func (f *Fetcher) fromDir(source Source, looked *[]Look) (*Chart, error) {
	if f.Dir == "" {
		return nil, nil
	}
	versioned := source.Name + "-" + source.Version
	for _, name := range []string{source.Name, versioned, versioned + ".tgz", source.Name + ".tgz"} {
		where := filepath.Join(f.Dir, name)
		found, err := load(where)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			*looked = append(*looked, Look{where, "not there"})
		case err != nil:
			return nil, err
		case found.Name != source.Name || !sameVersion(found.Version, source.Version):
			*looked = append(*looked, Look{where, fmt.Sprintf("holds %s %s", found.Name, found.Version)})
		case found.Digest == "":
			if source.Digest != "" {
				found.Notes = append(found.Notes, "an unpacked folder has no digest to check")
			}
			return found, nil
		default:
			return found, source.verify(found)
		}
	}
	return nil, nil
}

func (f *Fetcher) fromCacheOrUpstream(ctx context.Context, source Source, looked []Look) (*Chart, error) {
	if f.Cache != "" {
		where := filepath.Join(f.Cache, source.cacheName())
		found, err := load(where)
		switch {
		case err == nil && source.verify(found) == nil:
			return found, nil
		case err == nil: // a damaged or outdated copy is no reason to stop: what upstream has is checked as well
			looked = append(looked, Look{where, "another digest than the recorded one"})
		case errors.Is(err, fs.ErrNotExist):
			looked = append(looked, Look{where, "not there"})
		default:
			looked = append(looked, Look{where, err.Error()})
		}
	}
	f.once.Do(func() { f.upstream = newUpstream(f.HTTP, f.Timeout) })
	data, where, err := f.upstream.archive(ctx, source)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("fetch chart %s: %w", source, context.Cause(ctx))
		}
		return nil, &NotFoundError{Source: source, Looked: append(looked, Look{where, err.Error()}), Err: err}
	}
	found, err := parseArchive(data, where)
	if err != nil {
		return nil, err
	}
	if err := source.verify(found); err != nil {
		return nil, err
	}
	if found.Name != source.Name || !sameVersion(found.Version, source.Version) {
		return nil, fmt.Errorf("fetch chart %s: %s holds %s %s instead", source, where, found.Name, found.Version)
	}
	if err := f.keep(source, data); err != nil {
		found.Notes = append(found.Notes, "could not be kept in the cache: "+err.Error())
	}
	return found, nil
}

// keep writes an archive into the cache: under a temporary name first, so that an interrupted write leaves no half
// archive under the real one. All writing goes through os.Root.
func (f *Fetcher) keep(source Source, data []byte) error {
	if f.Cache == "" {
		return nil
	}
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(f.Cache)
	if err != nil {
		return err
	}
	defer root.Close()
	name := source.cacheName()
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	partial := fmt.Sprintf("%s.%d.partial", name, os.Getpid())
	if err := root.WriteFile(partial, data, 0o644); err != nil {
		return errors.Join(err, root.Remove(partial))
	}
	return root.Rename(partial, name)
}

// cacheName keeps charts of one name from different repositories apart.
func (s Source) cacheName() string {
	sum := sha256.Sum256([]byte(s.Repo))
	return path.Join(hex.EncodeToString(sum[:6]), fmt.Sprintf("%s-%s.tgz", s.Name, s.Version))
}

func (s Source) check() error {
	switch {
	case s.Name == "" || strings.ContainsAny(s.Name, `/\`) || !filepath.IsLocal(s.Name):
		return fmt.Errorf("chart %q: a chart's name is one word; its folder belongs into the repository's address", s.Name)
	case s.Version == "" || strings.ContainsAny(s.Version, `/\`):
		return fmt.Errorf("chart %s: version %q is not an exact version", s.Name, s.Version)
	case !strings.HasPrefix(s.Repo, "oci://") && !strings.HasPrefix(s.Repo, "https://"):
		return fmt.Errorf("chart %s: repository %q is neither oci:// nor https://", s.Name, s.Repo)
	}
	return nil
}

func (s Source) verify(c *Chart) error {
	if s.Digest == "" || s.Digest == c.Digest {
		return nil
	}
	return &DigestError{Source: s, Where: c.From, Got: c.Digest}
}

func sameVersion(a, b string) bool { return strings.TrimPrefix(a, "v") == strings.TrimPrefix(b, "v") }

// Look is somewhere a chart was looked for, and what was there.
type Look struct{ Where, Found string }

// NotFoundError says that a chart could be had nowhere, and where it was looked for.
type NotFoundError struct {
	Source Source
	Looked []Look
	Err    error // what upstream said
}

// Error lists every place on a line of its own.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "chart %s could not be had; looked in", e.Source)
	for _, p := range e.Looked {
		fmt.Fprintf(&b, "\n  %s: %s", p.Where, p.Found)
	}
	fmt.Fprintf(&b, "\nput %s-%s.tgz into a folder and name it with --charts or K8OR_CHARTS, or run where %s can be reached",
		e.Source.Name, e.Source.Version, e.Source.Repo)
	return b.String()
}

// Unwrap gives what upstream said.
func (e *NotFoundError) Unwrap() error { return e.Err }

// DigestError says that a place has other bytes under a chart's name and version than were recorded.
type DigestError struct {
	Source Source
	Where  string
	Got    string
}

// Error says what was found where, and that nothing of it was used.
func (e *DigestError) Error() string {
	return fmt.Sprintf("chart %s: %s has digest %s, recorded is %s; it was not used. "+
		"A published version should never change: compare the two, and take the recorded one", e.Source, e.Where, e.Got, e.Source.Digest)
}
