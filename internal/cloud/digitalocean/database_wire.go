// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// A database cluster as the API shows it.
type database struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Engine      string   `json:"engine"`
	Version     string   `json:"version"`
	Nodes       int      `json:"num_nodes"`
	Size        string   `json:"size"`
	Region      string   `json:"region"`
	Status      string   `json:"status"`
	Tags        []string `json:"tags"`
	VPC         string   `json:"private_network_uuid"`
	StorageMiB  int      `json:"storage_size_mib"`
	Private     server   `json:"private_connection"`
	UI          endpoint `json:"ui_connection"` // of OpenSearch's Dashboards
	Maintenance *struct {
		Day     string   `json:"day"`
		Hour    string   `json:"hour"`
		Pending bool     `json:"pending"`     // whether something is installed in the next window
		Updates []string `json:"description"` // in DigitalOcean's words
	} `json:"maintenance_window"`
	Autoscale *databaseAutoscale `json:"autoscale"`
	Metrics   []endpoint         `json:"metrics_endpoints"`
}

// server is where a database answers, and how its own user signs in.
type server struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	User     string `json:"user"`
	Password string `json:"password"`
}

type databaseAutoscale struct {
	Storage *storageAutoscale `json:"storage"`
}

type storageAutoscale struct {
	Enabled   bool `json:"enabled"`
	Threshold int  `json:"threshold_percent,omitempty"`
	Increment int  `json:"increment_gib,omitempty"`
}

// States of a database cluster, as published: nothing says that one is broken.
const (
	databaseCreating = "creating"
	databaseOnline   = "online"
)

type databaseRequest struct {
	Name       string             `json:"name"`
	Engine     string             `json:"engine"`
	Version    string             `json:"version,omitempty"`
	Nodes      int                `json:"num_nodes"`
	Size       string             `json:"size"`
	Region     string             `json:"region"`
	VPC        string             `json:"private_network_uuid,omitempty"`
	Project    string             `json:"project_id,omitempty"`
	Tags       []string           `json:"tags"`
	StorageMiB int                `json:"storage_size_mib,omitempty"`
	Autoscale  *databaseAutoscale `json:"autoscale,omitempty"`
	Rules      []databaseRule     `json:"rules,omitempty"`
	Restore    *databaseRestore   `json:"backup_restore,omitempty"`
}

type databaseRestore struct {
	Database string `json:"database_name"`
	Created  string `json:"backup_created_at,omitempty"`
}

type databaseRule struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// allDatabases are the account's database clusters. The list has no pages.
func (e *Estate) allDatabases(ctx context.Context, c *graph.Call) ([]database, error) {
	return ofDatabase[database](ctx, c, e, "databases", "/v2/databases", "databases")
}

// ofDatabase reads a list of the family once a pass; none of them has pages.
func ofDatabase[T any](ctx context.Context, c *graph.Call, e *Estate, name, path, key string) ([]T, error) {
	return graph.Once(ctx, c, "digitalocean/"+name, func(ctx context.Context) ([]T, error) {
		var answer map[string]json.RawMessage
		if err := e.client.get(ctx, path, &answer); err != nil {
			return nil, err
		}
		var all []T
		if raw, ok := answer[key]; ok {
			if err := json.Unmarshal(raw, &all); err != nil {
				return nil, fmt.Errorf("read the list of %s: %w", key, err)
			}
		}
		return all, nil
	})
}

// authority is the certificate that a database cluster's own is signed by, in PEM.
func (e *Estate) authority(ctx context.Context, c *graph.Call, id string) (secret.Text, error) {
	return graph.Once(ctx, c, "digitalocean/databases/"+id+"/ca", func(ctx context.Context) (secret.Text, error) {
		var answer struct {
			CA struct {
				Certificate string `json:"certificate"`
			} `json:"ca"`
		}
		if err := e.client.get(ctx, "/v2/databases/"+id+"/ca", &answer); err != nil {
			return secret.Text{}, err
		}
		pem, err := base64.StdEncoding.DecodeString(answer.CA.Certificate)
		if err != nil {
			return secret.Text{}, fmt.Errorf("read the authority of database cluster %s: %w", id, err)
		}
		return secret.New(string(pem)), nil
	})
}
