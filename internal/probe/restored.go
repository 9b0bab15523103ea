// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Restored counts what a server holds that was made of a backup of another: the tables of each of its databases, or the collections. It
// writes nothing, and looks at no row.
type Restored struct {
	// Binding is the folder of a servicebinding.io Secret, as of [Database]: postgresql, mysql or mongodb.
	Binding string `json:"binding"`
	// Source is that of the other, which is counted too; empty for not compared. It goes on being written to, so that it may hold what
	// came after the backup: only a copy without a single table is a failure, of a source that has any.
	Source string `json:"source,omitempty"`
	// Address and SourceAddress, when given, are connected to in place of what the Bindings say, as of [Database].
	Address       string `json:"address,omitempty"`
	SourceAddress string `json:"sourceAddress,omitempty"`
}

// held are the numbers of tables by the database's name.
type held map[string]int

func (h held) tables() (n int) {
	for _, tables := range h {
		n += tables
	}
	return n
}

// String is "audit 3, orders 11".
func (h held) String() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		out = append(out, fmt.Sprintf("%s %d", name, h[name]))
	}
	if more := len(out) - 8; more > 0 {
		out = append(out[:8], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

func (r *Restored) prove(ctx context.Context, g given) (string, error) {
	s, has, err := r.count(ctx, g, r.Binding, r.Address)
	if err != nil {
		return "", err
	}
	tables := map[bool]string{true: "collections", false: "tables"}[s.b["type"] == "mongodb"]
	said := fmt.Sprintf("the copy lets %s in and holds %d %s (%s)", s.b["username"], has.tables(), tables, has)
	if has.tables() == 0 {
		said = fmt.Sprintf("the copy lets %s in and holds no %s", s.b["username"], tables)
	}
	if r.Source == "" {
		return said + "; its source was not counted", nil
	}
	_, source, err := r.count(ctx, g, r.Source, r.SourceAddress)
	if err != nil {
		return "", fmt.Errorf("%s, and its source cannot be counted: %w", said, err)
	}
	switch {
	case has.tables() == 0 && source.tables() > 0:
		return "", &trouble{what: fmt.Sprintf("%s, and its source has %d now (%s)", said, source.tables(), source), look: "whether they came after the backup"}
	case maps.Equal(has, source):
		return said + ", as many as its source now", nil
	default:
		return fmt.Sprintf("%s; its source has %d now (%s), which may have come or gone after the backup", said, source.tables(), source), nil
	}
}

// count counts what a server holds.
func (r *Restored) count(ctx context.Context, g given, binding, address string) (signIn, held, error) {
	s, err := signingIn(g, binding)
	if err != nil {
		return s, nil, err
	}
	if address != "" {
		s.at = address
	}
	has := held{}
	switch s.b["type"] {
	case "postgresql":
		err = has.postgres(ctx, g, binding, s)
	case "mysql":
		err = has.mysql(ctx, s)
	case "mongodb":
		err = has.mongo(ctx, g, binding, s)
	default:
		err = unspoken(s.b)
	}
	return s, has, err
}

// postgres counts in each database, by a connection of its own: none sees into another.
func (h held) postgres(ctx context.Context, g given, binding string, s signIn) error {
	ask := func(database, statement string) (rows []string, err error) {
		conn, err := postgres(ctx, s.b, database, s.at, s.config)
		if err != nil {
			return nil, err
		}
		defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to be lost
		results, err := conn.Exec(ctx, statement).ReadAll()
		if err != nil {
			return nil, toldOf("PostgreSQL", err, s.b["username"])
		}
		for _, result := range results {
			for _, row := range result.Rows {
				rows = append(rows, string(row[0]))
			}
		}
		return rows, nil
	}
	first, err := g.file(binding + "/database")
	if err != nil {
		return err
	}
	names, err := ask(string(first), "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname NOT IN ('_dodb', 'postgres') AND has_database_privilege(oid, 'CONNECT')")
	if err != nil {
		return err
	}
	for _, name := range names {
		counted, err := ask(name, `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'`)
		if err != nil {
			return err
		}
		if err := h.note(name, counted); err != nil {
			return err
		}
	}
	return nil
}

// note keeps a number as a server wrote it.
func (h held) note(name string, counted []string) error {
	n := 0
	if len(counted) != 1 {
		return fmt.Errorf("the database %s gives %d numbers for its tables", name, len(counted))
	}
	if _, err := fmt.Sscan(counted[0], &n); err != nil {
		return fmt.Errorf("the database %s has %q tables: %w", name, counted[0], err)
	}
	h[name] = n
	return nil
}

func (h held) mysql(ctx context.Context, s signIn) error {
	db, err := mysqlClient(s.b, "", s.at, s.config)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT s.schema_name, COUNT(t.table_name) FROM information_schema.schemata s
		LEFT JOIN information_schema.tables t ON t.table_schema = s.schema_name AND t.table_type = 'BASE TABLE'
		WHERE s.schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') GROUP BY s.schema_name`)
	if err != nil {
		return toldOf("MySQL", err, s.b["username"])
	}
	defer rows.Close()
	for rows.Next() {
		name, tables := "", 0
		if err := rows.Scan(&name, &tables); err != nil {
			return toldOf("MySQL", err, s.b["username"])
		}
		h[name] = tables
	}
	if err := rows.Err(); err != nil {
		return toldOf("MySQL", err, s.b["username"])
	}
	return nil
}

// mongo counts in the databases that the user may see.
func (h held) mongo(ctx context.Context, g given, binding string, s signIn) error {
	hosts, err := led(ctx, g, binding, s.b, s.at, s.config)
	if err != nil {
		return err
	}
	client, told, leave, err := mongoClient(ctx, s.b, hosts, false, s.config)
	if err != nil {
		return err
	}
	defer leave()
	names, err := client.ListDatabaseNames(ctx, bson.D{})
	if err != nil {
		return told(err)
	}
	for _, name := range names {
		if slices.Contains([]string{"admin", "config", "local"}, name) {
			continue
		}
		collections, err := client.Database(name).ListCollectionNames(ctx, bson.D{})
		if err != nil {
			return told(err)
		}
		h[name] = len(slices.DeleteFunc(collections, func(c string) bool { return strings.HasPrefix(c, "system.") }))
	}
	return nil
}
