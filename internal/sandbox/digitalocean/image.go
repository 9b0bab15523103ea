// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// image is what a Droplet can be made of. The cloud has a few well-known ones and the account's Droplet snapshots.
type image struct {
	ID           int
	Slug         string // empty: none
	Name         string
	Distribution string
	MinDisk      int
}

// images are the distributions that DigitalOcean offers by these slugs, as of 2026-11.
var images = []image{
	{177140001, "ubuntu-24-04-x64", "24.04 (LTS) x64", "Ubuntu", 7},
	{177140002, "ubuntu-22-04-x64", "22.04 (LTS) x64", "Ubuntu", 7},
	{177140003, "debian-13-x64", "13 x64", "Debian", 7},
	{177140004, "debian-12-x64", "12 x64", "Debian", 7},
	{177140005, "rockylinux-9-x64", "9 x64", "Rocky Linux", 10},
	{177140006, "fedora-42-x64", "42 x64", "Fedora", 15},
	{177140007, "centos-stream-9-x64", "9 Stream x64", "CentOS", 10},
}

// imagesSince is shown as created_at of the images above.
var imagesSince = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// nodeImage begins the names of the images of worker nodes, which nobody else can use.
const nodeImage = "do-kube-"

func (c *Cloud) imageRoutes() []route {
	read := []string{"image:read"}
	return []route{
		{"GET /v2/images", 200, read, c.listImages},
		{"GET /v2/images/{image}", 200, read, c.getImage},
		{"DELETE /v2/images/{image}", 204, []string{"image:delete"}, c.deleteSnapshotImage},
	}
}

func publicImage(slugOrID string) *image {
	for i := range images {
		if images[i].Slug == slugOrID || strconv.Itoa(images[i].ID) == slugOrID {
			return &images[i]
		}
	}
	return nil
}

// imageIn says whether a Droplet in a region can be made of an image.
func (a *account) imageIn(slugOrID, region string) bool {
	if publicImage(slugOrID) != nil {
		return true
	}
	s := a.Snapshots.find(slugOrID)
	return s != nil && s.Kind == "droplet" && s.Region == region
}

// describedRegions leaves out the regions that the published description of images does not know.
func describedRegions() []string {
	var slugs []string
	for _, r := range theOffer.regions {
		if r.Slug != "atl1" && r.Slug != "ric1" {
			slugs = append(slugs, r.Slug)
		}
	}
	return slugs
}

func (i *image) view() object {
	return object{
		"id": i.ID, "name": i.Name, "distribution": i.Distribution, "slug": i.Slug, "public": true, "type": "base",
		"regions": describedRegions(), "created_at": imagesSince, "min_disk_size": i.MinDisk, "size_gigabytes": 1.5,
		"description": i.Distribution + " " + i.Name, "status": "available", "tags": []string{},
	}
}

// imageView shows the image that a Droplet was made of: a public one, a snapshot, or a worker node's.
func (a *account) imageView(slugOrID string) object {
	if i := publicImage(slugOrID); i != nil {
		return i.view()
	}
	if s := a.Snapshots.find(slugOrID); s != nil {
		return s.imageView()
	}
	o := object{
		"id": 177149999, "name": slugOrID, "distribution": "Unknown", "slug": nil, "public": false, "type": "snapshot", "regions": []string{},
		"created_at": imagesSince, "min_disk_size": 20, "size_gigabytes": 2.5, "status": "deleted", "tags": []string{},
	}
	if strings.HasPrefix(slugOrID, nodeImage) {
		o["distribution"], o["type"], o["status"] = "Debian", "admin", "available"
	}
	return o
}

func (n *snapshot) imageView() object {
	id, _ := strconv.Atoi(n.ID)
	distribution := "Unknown"
	if i := publicImage(n.Image); i != nil {
		distribution = i.Distribution
	}
	return object{
		"id": id, "name": n.Name, "distribution": distribution, "slug": nil, "public": false, "type": "snapshot",
		"regions": []string{n.Region}, "created_at": n.Created, "min_disk_size": n.Size, "size_gigabytes": n.Billed,
		"status": "available", "tags": append([]string{}, n.Tags...),
	}
}

// listed is an image with its age, for pages.
type listed struct {
	born
	view object
}

func (c *Cloud) listImages(q *request) (any, error) {
	query := q.URL.Query()
	private, kind, name := query.Get("private") == "true", query.Get("type"), query.Get("tag_name")
	if !slices.Contains([]string{"", "distribution", "application"}, kind) {
		return nil, invalid("type %q is not one of distribution, application", kind)
	}
	var all []listed
	for _, n := range q.account.Snapshots.All {
		if n.Kind == "droplet" && kind == "" && (name == "" || hasTag(n.Tags, name)) {
			all = append(all, listed{n.born, n.imageView()})
		}
	}
	if !private && name == "" && kind != "application" {
		for i := range images {
			all = append(all, listed{view: images[i].view()})
		}
	}
	return page(q, "images", all, func(l listed) any { return l.view })
}

func (c *Cloud) getImage(q *request) (any, error) {
	if i := publicImage(q.PathValue("image")); i != nil {
		return object{"image": i.view()}, nil
	}
	n := q.account.Snapshots.find(q.PathValue("image"))
	if n == nil || n.Kind != "droplet" {
		return nil, notFound()
	}
	return object{"image": n.imageView()}, nil
}

func (c *Cloud) deleteSnapshotImage(q *request) (any, error) {
	if publicImage(q.PathValue("image")) != nil {
		return nil, fail(http.StatusForbidden, "You do not have access for the attempted action.")
	}
	q.SetPathValue("snapshot", q.PathValue("image"))
	return c.deleteSnapshot("droplet")(q)
}
