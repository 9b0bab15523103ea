// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	_ "embed"
	"encoding/json"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"sort"
	"strings"
)

//go:embed data/database_config.json
var databaseConfigJSON []byte

// configField says what one parameter takes.
type configField struct {
	Type      string                 `json:"type"` // integer, number, string, boolean or array; empty: an object of Fields
	Min       json.Number            `json:"min"`
	Max       json.Number            `json:"max"`
	Enum      []any                  `json:"enum"`
	Pattern   string                 `json:"pattern"`
	MaxLength int                    `json:"maxLength"` // of a text, or of a list
	Nullable  bool                   `json:"nullable"`
	Default   json.RawMessage        `json:"default"`
	Fields    map[string]configField `json:"fields"`
}

// theConfigs are the parameters by engine, and those of Kafka's topics as `topic`. Read once; a test parses it.
var theConfigs = readConfigs()

func readConfigs() map[string]map[string]configField {
	var o struct {
		Fields map[string]map[string]configField `json:"fields"`
	}
	if err := json.Unmarshal(databaseConfigJSON, &o); err != nil {
		panic("digitalocean: data/database_config.json: " + err.Error())
	}
	return o.Fields
}

// advancedParameters is the one field that clusters of the advanced editions take: any parameter, as text (godo, databases.go).
var advancedParameters = map[string]string{"advanced_pg": "pg_parameters", "advanced_mysql": "mysql_parameters"}

// checkConfig holds an object against the parameters of its kind.
func checkConfig(fields map[string]configField, config map[string]json.RawMessage, at string) error {
	for _, name := range slices.Sorted(maps.Keys(config)) {
		f, known := fields[name]
		if !known {
			return invalid("%s%s is not a parameter of this cluster", at, name)
		}
		if err := f.check(at+name, config[name]); err != nil {
			return err
		}
	}
	return nil
}

func (f configField) check(name string, value json.RawMessage) error {
	text := string(value)
	if text == "null" {
		if f.Nullable {
			return nil
		}
		return invalid("%s must not be null", name)
	}
	switch f.Type {
	case "":
		var inner map[string]json.RawMessage
		if json.Unmarshal(value, &inner) != nil {
			return invalid("%s must be an object", name)
		}
		return checkConfig(f.Fields, inner, name+".")
	case "boolean":
		if text != "true" && text != "false" {
			return invalid("%s must be true or false", name)
		}
	case "integer", "number":
		return f.checkNumber(name, text)
	case "array":
		var list []any
		if json.Unmarshal(value, &list) != nil || f.MaxLength > 0 && len(list) > f.MaxLength {
			return invalid("%s must be a list of at most %d", name, f.MaxLength)
		}
		for _, item := range list {
			if len(f.Enum) > 0 && !slices.Contains(f.Enum, item) {
				return invalid("%s: %v is not one of %v", name, item, f.Enum)
			}
		}
	default:
		var s string
		if json.Unmarshal(value, &s) != nil {
			return invalid("%s must be a text", name)
		}
		if len(f.Enum) > 0 && !slices.Contains(f.Enum, any(s)) {
			return invalid("%s: %q is not one of %v", name, s, f.Enum)
		}
		if f.MaxLength > 0 && len(s) > f.MaxLength || f.Pattern != "" && !regexp.MustCompile(f.Pattern).MatchString(s) {
			return invalid("%s: %q is not what this parameter takes", name, s)
		}
	}
	return nil
}

// checkNumber compares without rounding: some limits are larger than a float can tell apart.
func (f configField) checkNumber(name, text string) error {
	n, ok := new(big.Rat).SetString(text)
	if !ok || strings.HasPrefix(text, `"`) || f.Type == "integer" && !n.IsInt() {
		return invalid("%s must be a number", name)
	}
	if low, ok := new(big.Rat).SetString(f.Min.String()); ok && n.Cmp(low) < 0 {
		return invalid("%s must be at least %s", name, f.Min)
	}
	if high, ok := new(big.Rat).SetString(f.Max.String()); ok && n.Cmp(high) > 0 {
		return invalid("%s must be at most %s", name, f.Max)
	}
	for _, allowed := range f.Enum {
		if x, isNumber := allowed.(float64); isNumber && n.Cmp(new(big.Rat).SetFloat64(x)) == 0 {
			return nil
		}
	}
	if len(f.Enum) > 0 {
		return invalid("%s: %s is not one of %v", name, text, f.Enum)
	}
	return nil
}

// withDefaults shows what was set, and what is so by default.
func withDefaults(fields map[string]configField, set map[string]json.RawMessage) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for name, f := range fields {
		if len(f.Default) > 0 {
			all[name] = f.Default
		}
	}
	maps.Copy(all, set)
	return all
}

func (c *Cloud) getDatabaseConfig(_ *request, d *database) (any, error) {
	if key := advancedParameters[d.Engine]; key != "" {
		return object{"config": object{key: viewParameters(d.Config[key])}}, nil
	}
	return object{"config": withDefaults(theConfigs[d.Engine], d.Config)}, nil
}

// viewParameters is a list, though a map is sent: that is how godo reads it.
func viewParameters(set json.RawMessage) []object {
	var values map[string]string
	json.Unmarshal(set, &values) //nolint:errcheck // nothing set is no parameter
	views := []object{}
	for name, value := range values {
		views = append(views, object{"name": name, "value": value})
	}
	sort.Slice(views, func(i, j int) bool { return views[i]["name"].(string) < views[j]["name"].(string) })
	return views
}

func (c *Cloud) patchDatabaseConfig(q *request, d *database) (any, error) {
	var in struct {
		Config map[string]json.RawMessage `json:"config"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Config == nil {
		return nil, invalid("config is required")
	}
	if err := d.made("update config"); err != nil {
		return nil, err
	}
	if key := advancedParameters[d.Engine]; key != "" {
		var values map[string]string
		if len(in.Config) != 1 || json.Unmarshal(in.Config[key], &values) != nil {
			return nil, invalid("config of %s clusters takes %s alone, each parameter as text", d.Engine, key)
		}
	} else if err := checkConfig(theConfigs[d.Engine], in.Config, ""); err != nil {
		return nil, err
	}
	d.configure(in.Config)
	c.noteDatabase(d, "cluster_update")
	return nil, nil
}

func (d *database) configure(config map[string]json.RawMessage) {
	if d.Config == nil {
		d.Config = map[string]json.RawMessage{}
	}
	maps.Copy(d.Config, config)
}

// setting is one text among the parameters, or what it is by default.
func (d *database) setting(name, otherwise string) string {
	var s string
	if json.Unmarshal(d.Config[name], &s) != nil {
		return otherwise
	}
	return s
}

func (c *Cloud) getEvictionPolicy(_ *request, d *database) (any, error) {
	if err := d.only("eviction_policy", "valkey", "redis"); err != nil {
		return nil, err
	}
	return object{"eviction_policy": d.setting("valkey_maxmemory_policy", "noeviction")}, nil
}

func (c *Cloud) setEvictionPolicy(q *request, d *database) (any, error) {
	var in struct {
		Policy string `json:"eviction_policy"`
	}
	return d.setText(q, &in, &in.Policy, "eviction_policy", "valkey_maxmemory_policy", "valkey", "redis")
}

// DefaultSQLMode is what MySQL's sql_mode is where nobody set it: the published example's.
const DefaultSQLMode = "ANSI,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,STRICT_ALL_TABLES"

func (c *Cloud) getSQLMode(_ *request, d *database) (any, error) {
	if err := d.only("sql_mode", "mysql"); err != nil {
		return nil, err
	}
	return object{"sql_mode": d.setting("sql_mode", DefaultSQLMode)}, nil
}

func (c *Cloud) setSQLMode(q *request, d *database) (any, error) {
	var in struct {
		Mode string `json:"sql_mode"`
	}
	return d.setText(q, &in, &in.Mode, "sql_mode", "sql_mode", "mysql")
}

// setText reads a body with one text and keeps that as a parameter.
func (d *database) setText(q *request, in any, text *string, what, parameter string, engines ...string) (any, error) {
	if err := q.decode(in); err != nil {
		return nil, err
	}
	if err := d.only(what, engines...); err != nil {
		return nil, err
	}
	value, err := json.Marshal(*text)
	if err != nil {
		return nil, err
	}
	config := map[string]json.RawMessage{parameter: value}
	if err := checkConfig(theConfigs[d.Engine], config, ""); err != nil {
		return nil, err
	}
	if err := d.made("update " + what); err != nil {
		return nil, err
	}
	d.configure(config)
	return nil, nil
}
