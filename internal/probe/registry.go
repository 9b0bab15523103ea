// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// prove pushes an image of one small layer under a tag nobody else uses, pulls it by that tag, holds every digest against
// what was sent, and deletes its manifest; the layer goes with the registry's next garbage collection.
func (r *Registry) prove(ctx context.Context, g given) (string, error) {
	repo, err := r.repository(g)
	if err != nil {
		return "", err
	}
	if r.Reference != "" {
		return r.there(ctx, repo)
	}
	word := unique()
	if r.SignIn {
		return r.signIn(ctx, repo, word)
	}
	layer := []byte("k8or " + word + "\n")
	config := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%q]}}`, digest.FromBytes(layer))
	image := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: described(ocispec.MediaTypeImageConfig, config), Layers: []ocispec.Descriptor{described(ocispec.MediaTypeImageLayer, layer)}}
	manifest, err := json.Marshal(image)
	if err != nil {
		return "", err
	}
	for _, blob := range []struct {
		ocispec.Descriptor
		data []byte
	}{{image.Layers[0], layer}, {image.Config, config}} {
		if err := repo.Blobs().Push(ctx, blob.Descriptor, bytes.NewReader(blob.data)); err != nil {
			return "", r.told("an image cannot be pushed to "+r.Host, err)
		}
	}
	whole := described(ocispec.MediaTypeImageManifest, manifest)
	if err := repo.Manifests().PushReference(ctx, whole, bytes.NewReader(manifest), word); err != nil {
		return "", r.told("an image cannot be pushed to "+r.Host, err)
	}
	pulled := r.pull(ctx, repo, word, whole, image)
	if err := repo.Manifests().Delete(ctx, whole); err != nil && pulled == nil {
		return "", r.told("an image was pushed and pulled, and cannot be deleted again", err)
	}
	if pulled != nil {
		return "", pulled
	}
	return fmt.Sprintf("an image was pushed to %s/%s, pulled with the same digests, and deleted", r.Host, r.Repository), nil
}

// signIn asks for a tag that nobody has: only who is let in is told that it is not there.
func (r *Registry) signIn(ctx context.Context, repo *remote.Repository, tag string) (string, error) {
	if _, err := repo.Resolve(ctx, tag); err != nil && !errors.Is(err, errdef.ErrNotFound) {
		return "", r.told("nobody is let in to pull from "+r.Host+"/"+r.Repository, err)
	}
	return fmt.Sprintf("the pull secret is let in at %s/%s", r.Host, r.Repository), nil
}

// there asks for an image that has to be there, and for no layer of it.
func (r *Registry) there(ctx context.Context, repo *remote.Repository) (string, error) {
	got, err := repo.Resolve(ctx, r.Reference)
	if errors.Is(err, errdef.ErrNotFound) {
		return "", &trouble{what: r.Host + "/" + r.Repository + " has no " + r.Reference, look: "whether it was pushed, and the registry's logs"}
	}
	if err != nil {
		return "", r.told("nobody is let in to pull from "+r.Host+"/"+r.Repository, err)
	}
	return fmt.Sprintf("%s/%s has %s: %s", r.Host, r.Repository, r.Reference, got.Digest), nil
}

// pull reads the image back and holds it against what was pushed.
func (r *Registry) pull(ctx context.Context, repo *remote.Repository, tag string, whole ocispec.Descriptor, image ocispec.Manifest) error {
	got, err := repo.Resolve(ctx, tag)
	if err != nil {
		return r.told("the image that was pushed cannot be pulled", err)
	}
	if got.Digest != whole.Digest {
		return &trouble{what: fmt.Sprintf("the image comes back as %s, and %s was pushed", got.Digest, whole.Digest), look: "what stands between the registry and this cluster, and the registry's storage"}
	}
	for _, d := range []ocispec.Descriptor{whole, image.Config, image.Layers[0]} {
		if _, err := content.FetchAll(ctx, repo, d); err != nil { // it reads to the end and compares the digest
			return r.told("the image that was pushed cannot be pulled as it was", err)
		}
	}
	return nil
}

func described(mediaType string, data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// repository is the client, with the credentials of the config.json.
func (r *Registry) repository(g given) (*remote.Repository, error) {
	repo, err := remote.NewRepository(r.Host + "/" + r.Repository)
	if err != nil {
		return nil, fmt.Errorf("the registry's address: %w", err)
	}
	repo.PlainHTTP = r.Plain
	credential, err := r.credential(g)
	if err != nil {
		return nil, err
	}
	repo.Client = &auth.Client{Client: http.DefaultClient, Cache: auth.NewCache(), Credential: auth.StaticCredential(r.Host, credential)}
	return repo, nil
}

// credential is what the config.json has for the host; nothing at all where no file is named.
func (r *Registry) credential(g given) (auth.Credential, error) {
	raw, err := g.file(r.Config)
	if err != nil || raw == nil {
		return auth.EmptyCredential, err
	}
	var config struct {
		Auths map[string]struct {
			Auth, Username, Password string
		} `json:"auths"`
	}
	look := "the pull secret, a Secret of the type kubernetes.io/dockerconfigjson"
	if err := json.Unmarshal(raw, &config); err != nil {
		return auth.EmptyCredential, &trouble{what: "the registry's credentials are not in the form of Docker's config.json", look: look}
	}
	one, ok := config.Auths[r.Host]
	if !ok {
		return auth.EmptyCredential, &trouble{what: "the credentials have nothing for " + r.Host, look: look}
	}
	if one.Auth != "" {
		pair, err := base64.StdEncoding.DecodeString(one.Auth)
		user, password, ok := strings.Cut(string(pair), ":")
		if err != nil || !ok {
			return auth.EmptyCredential, &trouble{what: "the credentials for " + r.Host + " are not base64 of user:password", look: look}
		}
		one.Username, one.Password = user, password
	}
	return auth.Credential{Username: one.Username, Password: one.Password}, nil
}

// told says what an error of a registry's means.
func (r *Registry) told(what string, err error) error {
	t := &trouble{what: what, look: "the registry's logs", cause: err}
	if told := untrusted(r.Host, err); told != nil {
		return told
	}
	if errors.Is(err, content.ErrMismatchedDigest) || errors.Is(err, content.ErrInvalidDescriptorSize) {
		t.look = "the registry's storage, and what stands between it and this cluster"
		return t
	}
	e, ok := errors.AsType[*errcode.ErrorResponse](err)
	if !ok {
		if strings.Contains(err.Error(), "basic credential not found") {
			t.what, t.look = r.Host+" wants credentials, and there are none", "the pull secret"
		}
		return t
	}
	t.cause = fmt.Errorf("it answers %d", e.StatusCode)
	switch e.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		t.what, t.look = r.Host+" refuses the credentials", "the pull secret, and the registry's users"
	case http.StatusMethodNotAllowed:
		t.look = "the registry's configuration: storage.delete.enabled"
	case http.StatusInsufficientStorage, http.StatusInternalServerError:
		t.look = "the registry's logs, and whether its storage is full or out of reach"
	}
	return t
}
