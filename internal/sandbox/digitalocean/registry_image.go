// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/base64"
	"slices"

	docr "github.com/k8or/k8or/internal/sandbox/registry"
)

func viewManifest(registry, repository string, m docr.Manifest) object {
	blobs := []object{}
	for _, b := range m.Blobs {
		blobs = append(blobs, object{"digest": b.Digest, "compressed_size_bytes": b.Bytes})
	}
	return object{
		"registry_name": registry, "repository": repository, "digest": m.Digest, "compressed_size_bytes": m.Bytes, "size_bytes": m.Unpacked,
		"updated_at": m.Updated, "tags": append([]string{}, m.Tags...), "blobs": blobs,
	}
}

func viewImageTag(registry, repository string, t docr.Tag) object {
	return object{
		"registry_name": registry, "repository": repository, "tag": t.Name, "manifest_digest": t.Manifest.Digest,
		"compressed_size_bytes": t.Manifest.Bytes, "size_bytes": t.Manifest.Unpacked, "updated_at": t.Updated,
	}
}

// listRepositories goes by page, or by page_token where one is given: it carries the page.
func (c *Cloud) listRepositories(q *request, r *imageRegistry) (any, error) {
	query := q.URL.Query()
	if text := query.Get("page_token"); text != "" {
		page, err := base64.URLEncoding.DecodeString(text)
		if err != nil {
			return nil, bad("error parsing page_token")
		}
		query.Del("page_token")
		query.Set("page", string(page))
		q.URL.RawQuery = query.Encode()
	}
	return page(q, "repositories", allOf(c.imagesOf(r.Name)), func(item always[docr.Repository]) any {
		repo := item.item
		o := object{"registry_name": r.Name, "name": repo.Name, "tag_count": len(repo.Tags), "manifest_count": len(repo.Manifests)}
		if len(repo.Manifests) > 0 {
			o["latest_manifest"] = viewManifest(r.Name, repo.Name, repo.Manifests[0])
		}
		return o
	})
}

// listRepositoriesFirst is the first version of the call, long deprecated.
func (c *Cloud) listRepositoriesFirst(q *request, r *imageRegistry) (any, error) {
	return page(q, "repositories", allOf(c.imagesOf(r.Name)), func(item always[docr.Repository]) any {
		repo := item.item
		o := object{"registry_name": r.Name, "name": repo.Name, "tag_count": len(repo.Tags)}
		if len(repo.Tags) > 0 {
			o["latest_tag"] = viewImageTag(r.Name, repo.Name, repo.Tags[0])
		}
		return o
	})
}

func (c *Cloud) onRepository(f func(*request, *imageRegistry, docr.Repository) (any, error)) func(*request) (any, error) {
	return c.onRegistry(func(q *request, r *imageRegistry) (any, error) {
		all := c.imagesOf(r.Name)
		i := slices.IndexFunc(all, func(repo docr.Repository) bool { return repo.Name == q.PathValue("repository") })
		if i < 0 {
			return nil, notFound()
		}
		return f(q, r, all[i])
	})
}

func (c *Cloud) listImageTags(q *request, r *imageRegistry, repo docr.Repository) (any, error) {
	return page(q, "tags", allOf(repo.Tags), func(t always[docr.Tag]) any { return viewImageTag(r.Name, repo.Name, *t.item) })
}

func (c *Cloud) listManifests(q *request, r *imageRegistry, repo docr.Repository) (any, error) {
	return page(q, "manifests", allOf(repo.Manifests), func(m always[docr.Manifest]) any { return viewManifest(r.Name, repo.Name, *m.item) })
}

func (c *Cloud) deleteImageTag(q *request, r *imageRegistry, repo docr.Repository) (any, error) {
	return nil, found(c.options.Images.DeleteTag(r.Name, repo.Name, q.PathValue("tag")))
}

func (c *Cloud) deleteManifest(q *request, r *imageRegistry, repo docr.Repository) (any, error) {
	return nil, found(c.options.Images.DeleteManifest(r.Name, repo.Name, q.PathValue("digest")))
}

func (c *Cloud) deleteRepository(q *request, r *imageRegistry) (any, error) {
	if c.options.Images == nil {
		return nil, notFound()
	}
	return nil, found(c.options.Images.DeleteRepository(r.Name, q.PathValue("repository")))
}

// found is 404 for what was not there.
func found(ok bool, err error) error {
	if err == nil && !ok {
		return notFound()
	}
	return err
}
