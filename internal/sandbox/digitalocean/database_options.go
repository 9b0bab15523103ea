// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
)

//go:embed data/databases.json
var databasesJSON []byte

// databaseOffer is the dated data on engines, versions, sizes and regions.
type databaseOffer struct {
	Engines     []databaseEngine `json:"engines"`
	BaseStorage map[string]int   `json:"baseStorageGiB"` // by size
}

type databaseEngine struct {
	Slug     string            `json:"slug"`
	Default  string            `json:"default"`
	Regions  []string          `json:"regions"`
	Versions []databaseVersion `json:"versions"` // oldest first
	Layouts  []databaseLayout  `json:"layouts"`
}

type databaseVersion struct {
	Version           string  `json:"version"`
	Semantic          string  `json:"semantic"`
	EndOfAvailability *string `json:"endOfAvailability"`
	EndOfLife         *string `json:"endOfLife"`
}

type databaseLayout struct {
	Nodes int      `json:"nodes"`
	Sizes []string `json:"sizes"`
}

// theDatabases is read once; a test parses it, so that it cannot fail for anybody else.
var theDatabases = readDatabases()

func readDatabases() databaseOffer {
	var o databaseOffer
	if err := json.Unmarshal(databasesJSON, &o); err != nil {
		panic("digitalocean: data/databases.json: " + err.Error())
	}
	return o
}

// engineOf returns the engine with this slug, nil when there is none.
func engineOf(slug string) *databaseEngine {
	for i := range theDatabases.Engines {
		if theDatabases.Engines[i].Slug == slug {
			return &theDatabases.Engines[i]
		}
	}
	return nil
}

// version returns what is known of a version, nil when it is not offered.
func (e *databaseEngine) version(name string) *databaseVersion {
	for i := range e.Versions {
		if e.Versions[i].Version == name {
			return &e.Versions[i]
		}
	}
	return nil
}

// later says whether a version comes after another in the engine's list.
func (e *databaseEngine) later(version, than string) bool {
	at := func(name string) int {
		return slices.IndexFunc(e.Versions, func(v databaseVersion) bool { return v.Version == name })
	}
	return at(than) >= 0 && at(version) > at(than)
}

// offers says why the engine cannot be had with so many nodes of a size, or nil.
func (e *databaseEngine) offers(size string, nodes int) error {
	known := false
	for _, l := range e.Layouts {
		has := slices.Contains(l.Sizes, size)
		if has && l.Nodes == nodes {
			return nil
		}
		known = known || has
	}
	if !known {
		return invalid("invalid size: %q is not a size of %s; GET /v2/databases/options lists them", size, e.Slug)
	}
	return invalid("invalid num_nodes: %s of size %s cannot have %d nodes; GET /v2/databases/options lists what it can", e.Slug, size, nodes)
}

var memoryOfSize = regexp.MustCompile(`-(\d+)gb`)

// databaseMemory is a size's memory in GiB, which its name says.
func databaseMemory(size string) int {
	m := memoryOfSize.FindStringSubmatch(size)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// baseStorage is how many MiB a size comes with. Those that no price list names get what 8 GiB have, in proportion.
func baseStorage(size string) int {
	gib, known := theDatabases.BaseStorage[size]
	if !known {
		gib = databaseMemory(size) * theDatabases.BaseStorage["db-s-4vcpu-8gb"] / 8 / 10 * 10
	}
	return gib * 1024
}

// Storage is chosen in steps of 10 GiB (docs.digitalocean.com, 2025-11). No largest size is published in the API; this is a volume's.
const (
	storageStep = 10 * 1024
	maxStorage  = 16 * 1024 * 1024
)

// hasStorage says whether an engine's storage can be chosen: those in memory have none.
func hasStorage(engine string) bool { return engine != "redis" && engine != "valkey" }

// storageAllowed settles how much storage a cluster of a size gets; 0 asks for what the size comes with.
func storageAllowed(engine, size string, mib int) (int, error) {
	if !hasStorage(engine) {
		if mib != 0 {
			return 0, invalid("storage_size_mib: %s keeps its data in memory and has no storage to choose", engine)
		}
		return 0, nil
	}
	base := baseStorage(size)
	switch {
	case mib == 0:
		return base, nil
	case mib < base:
		return 0, invalid("invalid storage_size_mib: %d is less than the %d that %s comes with", mib, base, size)
	case mib > maxStorage || mib%storageStep != 0:
		return 0, invalid("invalid storage_size_mib: %d must be a multiple of %d (10 GiB), at most %d", mib, storageStep, maxStorage)
	}
	return mib, nil
}

func (c *Cloud) databaseOptions(*request) (any, error) {
	options, availability := object{}, object{}
	for _, e := range theDatabases.Engines {
		versions, dates, layouts := []string{}, []object{}, []object{}
		for _, v := range e.Versions {
			versions = append(versions, v.Version)
			dates = append(dates, object{
				"version": v.Version, "default": v.Version == e.Default,
				"end_of_availability": v.EndOfAvailability, "end_of_life": v.EndOfLife,
			})
		}
		for _, l := range e.Layouts {
			layouts = append(layouts, object{"num_nodes": l.Nodes, "sizes": l.Sizes})
		}
		options[e.Slug] = object{"regions": e.Regions, "versions": versions, "layouts": layouts, "default_version": e.Default}
		availability[e.Slug] = dates
	}
	return object{"options": options, "version_availability": availability}, nil
}
