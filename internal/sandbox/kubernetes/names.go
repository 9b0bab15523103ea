// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/k8or/k8or/internal/sandbox/operators"
)

// names is the cloud's DNS, as external-dns calls it.
type names struct{ cloud api }

// Zones is the DNS of the cloud that is reached so.
func Zones(cloud http.RoundTripper) operators.Zones {
	return names{api{&http.Client{Transport: cloud}}}
}

const namesAPage = 200

// Zones are the domains of the team.
func (n names) Zones() (out []string, err error) {
	for page := 1; ; page++ {
		var all struct {
			Domains []struct {
				Name string `json:"name"`
			} `json:"domains"`
		}
		if err := n.call("GET", fmt.Sprintf("/v2/domains?per_page=%d&page=%d", namesAPage, page), nil, &all); err != nil {
			return nil, err
		}
		for _, d := range all.Domains {
			out = append(out, d.Name)
		}
		if len(all.Domains) < namesAPage {
			return out, nil
		}
	}
}

type zoneRecord struct {
	ID   int    `json:"id,omitempty"`
	Type string `json:"type"`
	Name string `json:"name"`
	Data string `json:"data"`
	TTL  int    `json:"ttl"`
}

// Records are all of a zone.
func (n names) Records(zone string) (out []operators.Record, err error) {
	for page := 1; ; page++ {
		var all struct {
			Records []zoneRecord `json:"domain_records"`
		}
		if err := n.call("GET", fmt.Sprintf("%s?per_page=%d&page=%d", records(zone), namesAPage, page), nil, &all); err != nil {
			return nil, err
		}
		for _, r := range all.Records {
			out = append(out, operators.Record{ID: r.ID, Type: r.Type, Name: strings.TrimPrefix(r.Name+"."+zone, "@."), Data: r.Data, TTL: r.TTL})
		}
		if len(all.Records) < namesAPage {
			return out, nil
		}
	}
}

// Write makes or changes a record. A name that it leads to ends in a dot there.
func (n names) Write(zone string, r operators.Record) error {
	to := zoneRecord{Type: r.Type, Name: strings.TrimSuffix(r.Name, "."+zone), Data: r.Data, TTL: r.TTL}
	if to.Name == zone {
		to.Name = "@"
	}
	if r.Type == "CNAME" {
		to.Data += "."
	}
	if r.ID != 0 {
		return n.call("PUT", fmt.Sprintf("%s/%d", records(zone), r.ID), to, nil)
	}
	return n.call("POST", records(zone), to, nil)
}

// Erase deletes a record.
func (n names) Erase(zone string, id int) error {
	err := n.call("DELETE", fmt.Sprintf("%s/%d", records(zone), id), nil, nil)
	if no, ok := errors.AsType[*refusal](err); ok && no.Status == http.StatusNotFound {
		return nil
	}
	return err
}

func records(zone string) string { return "/v2/domains/" + url.PathEscape(zone) + "/records" }

func (n names) call(method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), apiWithin)
	defer cancel()
	return n.cloud.call(ctx, method, path, body, into)
}
