// SPDX-License-Identifier: Apache-2.0

package databases_test

import (
	"context"
	"maps"
	"slices"
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

func TestEndpointsAreReachedByTheSameUser(t *testing.T) {
	t.Parallel()
	c := databases.Connection{Engine: databases.PostgreSQL, Host: "db", Port: 25060, Database: "orders", Username: "web", Password: secret.New("old"),
		Endpoints: []databases.Endpoint{{Name: "pool-web", Host: "db", Port: 25061, Database: "web"}, {Name: "replica-reading", Host: "copy", Port: 25060}}}
	c.Renew = func(context.Context) (secret.Text, error) { return secret.New("new"), nil }
	again := func(held map[string]secret.Text) map[string]secret.Text {
		t.Helper()
		data, err := c.Again()(t.Context(), held)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for password, data := range map[string]map[string]secret.Text{"old": c.Data(), "held": again(map[string]secret.Text{"password": secret.New("held")}), "new": again(nil)} {
		for key, want := range map[string]string{
			"uri":          "postgresql://web:" + password + "@db:25060/orders?sslmode=require",
			"pool-web-uri": "postgresql://web:" + password + "@db:25061/web?sslmode=require", "pool-web-host": "db", "pool-web-port": "25061", "pool-web-database": "web",
			"replica-reading-uri": "postgresql://web:" + password + "@copy:25060/orders?sslmode=require", "replica-reading-host": "copy", "replica-reading-database": "orders",
		} {
			if got := data[key].Reveal(); got != want {
				t.Errorf("with the password %s, %s is %q, want %q", password, key, got, want)
			}
		}
		want := slices.Sorted(slices.Values(databases.Keys(databases.PostgreSQL, "pool-web", "replica-reading")))
		if got := slices.Sorted(maps.Keys(data)); !slices.Equal(got, want) {
			t.Errorf("the Secret has the keys %v, and its users are told of %v", got, want)
		}
	}
}
