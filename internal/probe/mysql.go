// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// table makes a table in MySQL, writes a row, reads it again, and drops the table: MySQL has no transactions of tables, so that
// others may see it meanwhile. A temporary one would prove less: it can be made where nothing can be written any more.
func (d *Database) table(ctx context.Context, b map[string]string, database, at string, config *tls.Config) (proven string, err error) {
	db, err := mysqlClient(b, database, at, config)
	if err != nil {
		return "", err
	}
	defer db.Close()
	word := unique()
	if d.Ask {
		var got string
		if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT '%s'", word)).Scan(&got); err != nil {
			return "", toldOf("MySQL", err, b["username"])
		}
		if got != word {
			return "", &trouble{what: "MySQL answers with something else than it was asked", look: "its logs"}
		}
		return answered("MySQL", b), nil
	}
	// DigitalOcean wants a primary key of every table (sql_require_primary_key).
	if _, err := db.ExecContext(ctx, fmt.Sprintf("CREATE TABLE %s (word VARCHAR(64) PRIMARY KEY)", word)); err != nil {
		return "", toldOf("MySQL", err, b["username"])
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, e := db.ExecContext(ending, "DROP TABLE "+word); e != nil && err == nil {
			proven, err = "", fmt.Errorf("a row was written and read again, and its table %s cannot be dropped: %w", word, toldOf("MySQL", e, b["username"]))
		}
	}()
	if _, err := db.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s VALUES ('%s')", word, word)); err != nil {
		return "", toldOf("MySQL", err, b["username"])
	}
	var got string
	if err := db.QueryRowContext(ctx, "SELECT word FROM "+word).Scan(&got); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", toldOf("MySQL", err, b["username"])
	}
	if got != word {
		return "", &trouble{what: "MySQL took a row and does not show it again", look: "its logs"}
	}
	return fmt.Sprintf("a row was written to the database %s as %s, and read again", database, b["username"]), nil
}

// mysqlClient is one of a server, for one of its databases; an empty name is for all.
func mysqlClient(b map[string]string, database, at string, config *tls.Config) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName, c.User, c.Passwd, c.TLS = "tcp", at, database, b["username"], b["password"], config
	c.Logger = &mysql.NopLogger{} // what goes wrong is returned too
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("make a client of MySQL: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// mysqlSays tells the numbers of MySQL's errors that are about who signs in, and about what they may do.
func mysqlSays(err error) (message string, user, rights, ok bool) {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return "", false, false, false
	}
	switch e.Number {
	case 1045, 1698, 3118: // access denied, without a password, account locked
		user = true
	case 1044, 1142, 1227, 1370: // of a database, a table, a privilege, a routine
		rights = true
	}
	return e.Message, user, rights, true
}
