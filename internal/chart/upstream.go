// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"sigs.k8s.io/yaml"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	answerWithin = 5 * time.Second  // how long upstream may take to begin an answer
	wholeWithin  = 2 * time.Minute  // how long a whole download may take
	silentFor    = 30 * time.Second // how long a host that gave no answer is not asked again

	maxArchive  = 64 << 20
	maxIndex    = 128 << 20
	maxManifest = 4 << 20

	chartLayer       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	legacyChartLayer = "application/tar+gzip"
)

// upstream speaks to chart repositories and registries, anonymously and over https alone.
type upstream struct{ client *http.Client }

func newUpstream(base *http.Client, answer time.Duration) *upstream {
	client := http.Client{}
	if base != nil {
		client = *base
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	if answer <= 0 {
		answer = answerWithin
	}
	client.Timeout = 0
	client.Transport = &patience{base: client.Transport, answer: answer}
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Scheme != "https" {
			return fmt.Errorf("redirected to %s, which is not https", req.URL.Redacted())
		}
		if len(via) >= 10 {
			return errors.New("redirected ten times")
		}
		return nil
	}
	return &upstream{client: &client}
}

// archive downloads a chart's .tgz and says from where, also when it could not.
func (u *upstream) archive(ctx context.Context, source Source) ([]byte, string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wholeWithin, fmt.Errorf("not finished within %s", wholeWithin))
	defer cancel()
	if rest, ok := strings.CutPrefix(source.Repo, "oci://"); ok {
		// A tag cannot hold the plus sign of a semantic version; Helm writes an underscore.
		reference := strings.TrimSuffix(rest, "/") + "/" + source.Name + ":" + strings.ReplaceAll(source.Version, "+", "_")
		data, err := u.fromRegistry(ctx, reference)
		return data, "oci://" + reference, err
	}
	return u.fromRepository(ctx, source)
}

func (u *upstream) fromRegistry(ctx context.Context, reference string) ([]byte, error) {
	repo, err := remote.NewRepository(reference)
	if err != nil {
		return nil, err
	}
	repo.Client = &auth.Client{Client: u.client, Cache: auth.NewCache()}
	desc, body, err := repo.FetchReference(ctx, repo.Reference.Reference)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if desc.Size > maxManifest {
		return nil, fmt.Errorf("its manifest has %d bytes", desc.Size)
	}
	raw, err := content.ReadAll(body, desc)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	for _, layer := range manifest.Layers {
		if layer.MediaType != chartLayer && layer.MediaType != legacyChartLayer {
			continue
		}
		if layer.Size > maxArchive {
			return nil, fmt.Errorf("its archive has %d bytes", layer.Size)
		}
		data, err := content.FetchAll(ctx, repo.Blobs(), layer)
		if err != nil {
			return nil, fmt.Errorf("download: %w", err)
		}
		return data, nil
	}
	return nil, errors.New("what is published there is not a Helm chart")
}

func (u *upstream) fromRepository(ctx context.Context, source Source) ([]byte, string, error) {
	base, err := url.Parse(strings.TrimSuffix(source.Repo, "/") + "/")
	if err != nil {
		return nil, source.Repo, err
	}
	indexURL := base.JoinPath("index.yaml")
	raw, err := u.get(ctx, indexURL, maxIndex)
	if err != nil {
		return nil, indexURL.Redacted(), err
	}
	var index struct {
		Entries map[string][]struct {
			Version string   `json:"version"`
			URLs    []string `json:"urls"`
		} `json:"entries"`
	}
	if err := yaml.Unmarshal(raw, &index); err != nil {
		return nil, indexURL.Redacted(), fmt.Errorf("read index: %w", err)
	}
	versions := index.Entries[source.Name]
	if len(versions) == 0 {
		return nil, indexURL.Redacted(), fmt.Errorf("lists no chart %q", source.Name)
	}
	for _, v := range versions {
		if !sameVersion(v.Version, source.Version) || len(v.URLs) == 0 {
			continue
		}
		at, err := base.Parse(v.URLs[0])
		if err != nil {
			return nil, indexURL.Redacted(), err
		}
		data, err := u.get(ctx, at, maxArchive)
		return data, at.Redacted(), err
	}
	return nil, indexURL.Redacted(), fmt.Errorf("lists %s, but not version %s; newest is %s", source.Name, source.Version, versions[0].Version)
}

func (u *upstream) get(ctx context.Context, at *url.URL, limit int64) ([]byte, error) {
	if at.Scheme != "https" {
		return nil, fmt.Errorf("%s is not https", at.Redacted())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := u.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("is larger than %d MiB", limit>>20)
	}
	return data, nil
}

// patience gives a host a limited time to begin its answer, and does not ask one again for a while that gave none: a
// plan over ten charts without a network should cost one wait, not ten.
type patience struct {
	base   http.RoundTripper
	answer time.Duration

	mu     sync.Mutex
	silent map[string]time.Time // host -> when it may be asked again
}

var errNoAnswer = errors.New("no answer")

// RoundTrip implements http.RoundTripper.
func (p *patience) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	until := p.silent[req.URL.Host]
	p.mu.Unlock()
	if time.Now().Before(until) {
		return nil, fmt.Errorf("%w from %s a moment ago", errNoAnswer, req.URL.Host)
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	late := fmt.Errorf("%w from %s within %s", errNoAnswer, req.URL.Host, p.answer)
	timer := time.AfterFunc(p.answer, func() { cancel(late) })
	resp, err := p.base.RoundTrip(req.WithContext(ctx))
	if !timer.Stop() && errors.Is(context.Cause(ctx), errNoAnswer) {
		p.mu.Lock()
		if p.silent == nil {
			p.silent = map[string]time.Time{}
		}
		p.silent[req.URL.Host] = time.Now().Add(silentFor)
		p.mu.Unlock()
		if resp != nil {
			resp.Body.Close()
		}
		return nil, late
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &cancelOnClose{resp.Body, func() { cancel(nil) }}
	return resp, nil
}

type cancelOnClose struct {
	io.ReadCloser
	cancel func()
}

// Close closes the body and frees the request's context.
func (c *cancelOnClose) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
