// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	_ "embed"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

//go:embed database_parameters.txt
var parameterTable string

// parameter is what one parameter takes.
type parameter struct {
	kind     string // boolean, integer, number, string or array
	min, max string // of a number; empty: no such limit
	words    []string
}

// parameters are all that DigitalOcean knows, by engine and name; those of a topic are under `topic`. A name with a dot is of an
// object, or has a dot.
var parameters = sync.OnceValue(func() map[string]map[string]parameter {
	all, section := map[string]map[string]parameter{}, ""
	for line := range strings.Lines(parameterTable) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
			continue
		case len(words) == 1:
			section = strings.Trim(words[0], "[]")
			all[section] = map[string]parameter{}
			continue
		}
		p := parameter{kind: words[1]}
		if len(words) > 2 && p.kind == "string" {
			p.words = strings.Split(words[2], "|")
		} else if len(words) > 2 {
			p.min, p.max, _ = strings.Cut(words[2], "..")
		}
		all[section][words[0]] = p
	}
	return all
})

// WrongParameter is a parameter that DigitalOcean would not take.
type WrongParameter struct {
	Path           []string // its name; of a part of an object, both
	What, Why, Fix string   // for a problem
}

// At is its place in a document that has all parameters at a path.
func (w WrongParameter) At(path string) string {
	for _, name := range w.Path {
		path = v1alpha1.Join(path, name)
	}
	return path
}

// WrongParameters says which parameters of an engine, or `topic`, DigitalOcean would not take. Names are DigitalOcean's.
func WrongParameters(of string, given map[string]any) []WrongParameter {
	return wrongIn(parameters()[of], nil, given)
}

func wrongIn(known map[string]parameter, at []string, given map[string]any) []WrongParameter {
	var wrong []WrongParameter
	for _, name := range slices.Sorted(maps.Keys(given)) {
		path := append(slices.Clone(at), name)
		whole := strings.Join(path, ".")
		if p, ok := known[whole]; ok {
			if why, fix := p.refuses(given[name]); why != "" {
				wrong = append(wrong, WrongParameter{path, fmt.Sprintf("%s cannot be %s", whole, written(given[name])), why, fix})
			}
			continue
		}
		var parts []string
		for other := range known {
			if rest, ok := strings.CutPrefix(other, whole+"."); ok {
				parts = append(parts, rest)
			}
		}
		inner, isObject := given[name].(map[string]any)
		switch {
		case len(parts) > 0 && isObject:
			wrong = append(wrong, wrongIn(known, path, inner)...)
		case len(parts) > 0:
			slices.Sort(parts)
			wrong = append(wrong, WrongParameter{path, fmt.Sprintf("%s cannot be %s", whole, written(given[name])), "it is an object", "write " + problem.OneOf(parts) + " within it"})
		default:
			fix := "remove it"
			if near := problem.DidYouMean(whole, slices.Sorted(maps.Keys(known))); near != "" {
				fix = near
			}
			wrong = append(wrong, WrongParameter{path, fmt.Sprintf("DigitalOcean knows no parameter %s", whole), "it would refuse it once everything else is made", fix})
		}
	}
	return wrong
}

// refuses says why a value cannot be had, and what to write; empty: it can.
func (p parameter) refuses(value any) (why, fix string) {
	text := written(value)
	switch p.kind {
	case "boolean":
		if text != "true" && text != "false" {
			return "it is switched on or off", "write true or false"
		}
	case "array":
		if _, ok := value.([]any); !ok {
			return "it is a list", "write a list"
		}
	case "string":
		s, ok := value.(string)
		if !ok {
			return "it is a text", fmt.Sprintf("write it in quotes: %q", text)
		}
		if len(p.words) > 0 && !slices.Contains(p.words, s) {
			return "it is " + problem.OneOf(p.words), "write one of them"
		}
	default:
		n, ok := new(big.Rat).SetString(text)
		low, least := new(big.Rat).SetString(p.min)
		high, most := new(big.Rat).SetString(p.max)
		if !ok || p.kind == "integer" && !n.IsInt() || least && n.Cmp(low) < 0 || most && n.Cmp(high) > 0 {
			return "DigitalOcean takes " + p.numbers(), "write such a number"
		}
	}
	return "", ""
}

// numbers says in words which it takes.
func (p parameter) numbers() string {
	text := map[string]string{"integer": "a whole number", "number": "a number"}[p.kind]
	switch {
	case p.min != "" && p.max != "":
		return text + " from " + p.min + " to " + p.max
	case p.min != "":
		return text + " of " + p.min + " or more"
	case p.max != "":
		return text + " of " + p.max + " or less"
	}
	return text
}
