// SPDX-License-Identifier: Apache-2.0

package databases

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

// ports are those that engines listen on where an address names none.
var ports = map[string]int{PostgreSQL: 5432, MySQL: 3306, Valkey: 6379, MongoDB: 27017, OpenSearch: 9200}

// Engines are those whose clients k8or can tell where they are, in order.
func Engines() []string { return slices.Sorted(maps.Keys(ports)) }

// Existing is where a database answers that somebody else runs, by its entry of the document, without credentials. The username is
// empty where the credentials say it. The error is a person's.
func Existing(name string, d v1alpha1.Database) (Connection, error) {
	unaddressed := func(why string) (Connection, error) {
		return Connection{}, &problem.Problem{Code: v1alpha1.CodeExistingMissing, Kind: problem.Usage, Path: "spec.databases." + name + ".existing", Title: "existing does not say where the database is", Why: why,
			Fix: "write `address:` with a host and a port, such as db.example.com:5432"}
	}
	c := Connection{Engine: d.Engine, Provider: "k8or", Port: ports[d.Engine]}
	c.Username, _ = d.Options["username"].(string)
	c.Plain, _ = d.Options["plain"].(bool)
	host, port, err := net.SplitHostPort(d.Existing.Address)
	switch {
	case err == nil:
		c.Host = host
		if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65535 {
			return unaddressed(fmt.Sprintf("%q is no port", port))
		}
	case strings.ContainsAny(d.Existing.Address, ":/"):
		return unaddressed(fmt.Sprintf("%q is neither a host nor a host and a port", d.Existing.Address))
	default:
		c.Host = d.Existing.Address
	}
	if c.Host == "" {
		return unaddressed("it names no host")
	}
	if Has(d.Engine, "database") {
		if c.Database = strings.ReplaceAll(name, "-", "_"); len(d.Databases) > 0 {
			c.Database = d.Databases[0]
		}
	}
	return c, nil
}
