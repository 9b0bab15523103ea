// SPDX-License-Identifier: Apache-2.0

package databases_test

import (
	"testing"

	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/secret"
)

func TestAURIIsAsItsEnginesClientsReadIt(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]databases.Connection{
		"postgresql://web:p%40ss@db:25060/orders?sslmode=require":        {Engine: databases.PostgreSQL, Port: 25060, Database: "orders"},
		"postgresql://web:p%40ss@db:5432/orders?sslmode=disable":         {Engine: databases.PostgreSQL, Port: 5432, Database: "orders", Plain: true},
		"mysql://web:p%40ss@db:3306/orders?ssl-mode=REQUIRED":            {Engine: databases.MySQL, Port: 3306, Database: "orders"},
		"rediss://web:p%40ss@db:25061":                                   {Engine: databases.Valkey, Port: 25061},
		"redis://web:p%40ss@db:6379":                                     {Engine: databases.Valkey, Port: 6379, Plain: true},
		"mongodb+srv://web:p%40ss@db/orders?authSource=admin&tls=true":   {Engine: databases.MongoDB, Port: 27017, Database: "orders", SRV: true},
		"mongodb://web:p%40ss@db:27017/orders?authSource=admin&tls=true": {Engine: databases.MongoDB, Port: 27017, Database: "orders"},
		"https://web:p%40ss@db:25060":                                    {Engine: databases.OpenSearch, Port: 25060},
	} {
		c.Host, c.Username, c.Password = "db", "web", secret.New("p@ss")
		if got := c.Data()["uri"].Reveal(); got != want {
			t.Errorf("the URI of %s is %s, want %s", c.Engine, got, want)
		}
	}
}
