// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"slices"
	"strconv"
)

// schemaRegistry is what a Kafka cluster keeps of its topics' schemas, once `schema_registry` is on in its config.
type schemaRegistry struct {
	Last     int               `json:"last"` // id given
	Level    string            `json:"level"`
	Subjects []*schemaSubject  `json:"subjects"`
	Levels   map[string]string `json:"levels"` // by subject, where it has one of its own
}

type schemaSubject struct {
	Name     string          `json:"name"`
	Versions []schemaVersion `json:"versions"` // oldest first
}

type schemaVersion struct {
	ID     int    `json:"id"`
	Type   string `json:"type"`
	Schema string `json:"schema"`
}

var compatibilityLevels = []string{"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}

func (s *schemaSubject) view(number int) object {
	v := s.Versions[number-1]
	return object{"schema_id": v.ID, "subject_name": s.Name, "schema_type": v.Type, "schema": v.Schema, "version": strconv.Itoa(number)}
}

func (r *schemaRegistry) subject(name string) *schemaSubject {
	for _, s := range r.Subjects {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// withRegistry wants a Kafka cluster whose registry is on.
func (c *Cloud) withRegistry(f func(*request, *database, *schemaRegistry) (any, error)) func(*request) (any, error) {
	return c.withKafka(func(q *request, d *database) (any, error) {
		if string(d.Config["schema_registry"]) != "true" {
			return nil, invalid("the schema registry of this cluster is off; set schema_registry to true in its config")
		}
		return f(q, d, &d.Registry)
	})
}

func (c *Cloud) withSubject(f func(*request, *schemaRegistry, *schemaSubject) (any, error)) func(*request) (any, error) {
	return c.withRegistry(func(q *request, _ *database, r *schemaRegistry) (any, error) {
		s := r.subject(q.PathValue("subject"))
		if s == nil {
			return nil, notFound()
		}
		return f(q, r, s)
	})
}

func (c *Cloud) listSchemas(_ *request, _ *database, r *schemaRegistry) (any, error) {
	views := []object{}
	for _, s := range r.Subjects {
		views = append(views, s.view(len(s.Versions)))
	}
	return object{"subjects": views}, nil
}

func (c *Cloud) createSchema(q *request, _ *database, r *schemaRegistry) (any, error) {
	var in struct {
		Subject string `json:"subject_name"`
		Type    string `json:"schema_type"`
		Schema  string `json:"schema"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Subject == "" || in.Schema == "" || !slices.Contains([]string{"AVRO", "JSON", "PROTOBUF"}, in.Type):
		return nil, invalid("subject_name, schema and a schema_type of AVRO, JSON or PROTOBUF are required")
	case in.Type != "PROTOBUF" && !json.Valid([]byte(in.Schema)):
		return nil, invalid("schema is no JSON, which %s schemas are", in.Type)
	}
	s := r.subject(in.Subject)
	if s == nil {
		s = &schemaSubject{Name: in.Subject}
		r.Subjects = append(r.Subjects, s)
	}
	r.Last++
	s.Versions = append(s.Versions, schemaVersion{r.Last, in.Type, in.Schema})
	return s.view(len(s.Versions)), nil
}

func (c *Cloud) getSchema(_ *request, _ *schemaRegistry, s *schemaSubject) (any, error) {
	return s.view(len(s.Versions)), nil
}

func (c *Cloud) getSchemaVersion(q *request, _ *schemaRegistry, s *schemaSubject) (any, error) {
	text := q.PathValue("version")
	n, err := strconv.Atoi(text)
	if text == "latest" {
		n, err = len(s.Versions), nil
	}
	if err != nil || n < 1 || n > len(s.Versions) {
		return nil, notFound()
	}
	return s.view(n), nil
}

func (c *Cloud) deleteSchema(_ *request, r *schemaRegistry, s *schemaSubject) (any, error) {
	r.Subjects = slices.DeleteFunc(r.Subjects, func(other *schemaSubject) bool { return other == s })
	delete(r.Levels, s.Name)
	return nil, nil
}

func readLevel(q *request) (string, error) {
	var in struct {
		Level string `json:"compatibility_level"`
	}
	if err := q.decode(&in); err != nil {
		return "", err
	}
	if !slices.Contains(compatibilityLevels, in.Level) {
		return "", invalid("compatibility_level %q is not one of %v", in.Level, compatibilityLevels)
	}
	return in.Level, nil
}

func (c *Cloud) getSchemaLevel(_ *request, _ *database, r *schemaRegistry) (any, error) {
	return object{"compatibility_level": or(r.Level, "BACKWARD")}, nil
}

func (c *Cloud) setSchemaLevel(q *request, d *database, r *schemaRegistry) (any, error) {
	level, err := readLevel(q)
	if err != nil {
		return nil, err
	}
	r.Level = level
	return c.getSchemaLevel(q, d, r)
}

func (c *Cloud) getSubjectLevel(_ *request, r *schemaRegistry, s *schemaSubject) (any, error) {
	return object{"subject_name": s.Name, "compatibility_level": or(r.Levels[s.Name], or(r.Level, "BACKWARD"))}, nil
}

func (c *Cloud) setSubjectLevel(q *request, r *schemaRegistry, s *schemaSubject) (any, error) {
	level, err := readLevel(q)
	if err != nil {
		return nil, err
	}
	if r.Levels == nil {
		r.Levels = map[string]string{}
	}
	r.Levels[s.Name] = level
	return c.getSubjectLevel(q, r, s)
}
