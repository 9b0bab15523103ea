// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
)

// probeIndex is where documents of probes go. It stays, empty: only who may administer an index may delete it.
const probeIndex = "k8or-probe"

// indexed writes a document to OpenSearch, gets it again, and deletes it.
func (d *Database) indexed(ctx context.Context, g given, b map[string]string, authority string) (string, error) {
	c, err := g.call(d.Address, authority, path.Join(d.Binding, "username"), path.Join(d.Binding, "password"))
	if err != nil {
		return "", err
	}
	scheme := "https://"
	if d.Plain {
		scheme = "http://"
	}
	server := scheme + net.JoinHostPort(b["host"], b["port"]) + "/"
	if d.Ask {
		a, err := c.do(ctx, http.MethodGet, server, nil)
		if err == nil {
			err = denied("OpenSearch", a)
		}
		if err == nil && a.status != http.StatusOK {
			err = &trouble{what: fmt.Sprintf("OpenSearch answers %d", a.status), look: "its health and its logs"}
		}
		return answered("OpenSearch", b), err
	}
	word := unique()
	text, err := json.Marshal(map[string]string{"word": word})
	if err != nil {
		return "", err
	}
	at := server + probeIndex
	ask := func(method, path string, body []byte, want int, what string) (answer, error) {
		a, err := c.do(ctx, method, at+path+word, body)
		if err == nil {
			err = denied("OpenSearch", a)
		}
		if err == nil && a.status != want {
			err = &trouble{what: fmt.Sprintf("OpenSearch answers %d to %s", a.status, what), look: "its health, and whether its disk is full"}
		}
		return a, err
	}
	if _, err := ask(http.MethodPut, "/_create/", text, http.StatusCreated, "a document that is written"); err != nil {
		return "", err
	}
	a, err := c.do(ctx, http.MethodGet, at+"/_doc/"+word, nil)
	if err != nil {
		return "", err
	}
	var said struct {
		Source struct {
			Word string `json:"word"`
		} `json:"_source"`
	}
	shown := a.status == http.StatusOK && json.Unmarshal(a.body, &said) == nil && said.Source.Word == word
	if _, err := ask(http.MethodDelete, "/_doc/", nil, http.StatusOK, "a document that is deleted"); err != nil && shown {
		return "", err
	}
	if err := denied("OpenSearch", a); err != nil {
		return "", err
	}
	if !shown {
		return "", &trouble{what: "OpenSearch took a document and does not show it again", look: "its health and its logs"}
	}
	return fmt.Sprintf("a document was written to the index %s as %s, got again and deleted", probeIndex, b["username"]), nil
}
