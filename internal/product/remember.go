// SPDX-License-Identifier: Apache-2.0

package product

import (
	"encoding/json"
	"strings"

	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/price"
)

// billKey is the key of what a set costs among what the cluster remembers with it.
const billKey = "bill"

// inCluster are the kinds of things that come to be through objects in the cluster: no list of a cloud's says whose they are.
var inCluster = map[price.Kind]bool{price.LoadBalancer: true, price.Volume: true}

// remember has the cluster keep with each set what it costs, so that a later plan knows what it costs before it is changed or
// taken away, whatever the document says then.
func (c *composer) remember() {
	kept := map[string][]price.Item{}
	for _, it := range c.Items {
		if inCluster[it.Kind] {
			if name := setOf(c.Sets, it.For); name != "" {
				kept[name] = append(kept[name], it)
			}
		}
	}
	for _, s := range c.Sets {
		if items := kept[s.Name]; len(items) > 0 {
			if raw, err := json.Marshal(items); err == nil { // words and numbers alone
				s.Known[billKey] = string(raw)
			}
		}
	}
}

// setOf is the set of a node of this name, else of the nearest node above it, else the first below it.
func setOf(sets []kube.Set, node string) string {
	for name := node; ; {
		for _, s := range sets {
			if s.Known["node"] == name {
				return s.Name
			}
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			break
		}
		name = name[:i]
	}
	for _, s := range sets {
		if strings.HasPrefix(s.Known["node"], node+"/") {
			return s.Name
		}
	}
	return ""
}

// Remembered are the items that the cluster remembers of a set; false where it remembers none.
func Remembered(known map[string]string) ([]price.Item, bool) {
	raw, ok := known[billKey]
	if !ok {
		return nil, false
	}
	var items []price.Item
	if json.Unmarshal([]byte(raw), &items) != nil {
		return nil, false // somebody else wrote it
	}
	return items, true
}
