// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// FieldError is one rule that the document breaks.
type FieldError struct {
	// Path is the field, such as spec.cluster.nodePools.general.count; see [Join].
	Path string
	// Code is its number, one of the Code constants.
	Code string
	// What says in one line what is wrong.
	What string
	// Why says what makes it wrong; it may be empty.
	Why string
	// Fix says how to mend it.
	Fix string
	// Given and Choices are the word found and the words allowed, where the error is about one.
	Given   string
	Choices []string
	// See is another field that Why speaks of; whoever shows the error adds its line.
	See string
	// Hidden says that the field holds what must not be shown.
	Hidden bool
}

// Error is the error in one line.
func (e FieldError) Error() string { return e.Path + ": " + e.What }

// Validate is every rule that the document breaks, in the order of the document's fields. The
// document is taken as it is written; defaults are filled in where a rule looks at several fields.
// What only a cloud can know (whether a size exists in a region, say) is not judged here.
func Validate(p *Platform, available Available) []FieldError {
	c := &checker{given: p, filled: Default(p), available: available}
	c.fields(reflect.ValueOf(p).Elem(), "")
	c.products()
	c.cluster()
	c.egress()
	c.firewalls()
	c.domains()
	c.reservedIPs()
	c.certificates()
	c.gateways()
	c.registry()
	c.schedules()
	c.databases()
	c.messaging()
	c.moves()
	c.observers()
	c.dns()
	c.support()
	c.apps()
	c.classes()
	return c.found
}

// checker collects what is wrong with one document.
type checker struct {
	given, filled *Platform
	available     Available
	found         []FieldError
}

func (c *checker) add(e FieldError) { c.found = append(c.found, e) }

// fields checks each field by itself: given where required, a word allowed, of the right form and
// within bounds.
func (c *checker) fields(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.fields(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.fields(v.Index(i), Join(path, i))
		}
	case reflect.Map:
		c.entries(v, path)
	case reflect.Struct:
		if from, ok := v.Interface().(From); ok {
			c.from(from, path)
		}
		for _, f := range fieldsOf(v) {
			at := Join(path, f.name)
			if c.field(f, MarkOf(v.Type().Name(), f.name), at) {
				c.fields(f.value, at)
			}
		}
	}
	if value, ok := v.Interface().(EnvValue); ok && (looksSecret(value.Value) || namesSecret(path[strings.LastIndexByte(path, '.')+1:], value.Value)) {
		c.add(FieldError{Path: path, Code: CodeSecretLiteral, What: path + " looks like a secret and stands in the document", Hidden: true,
			Why: "secrets come in by reference, so that the document can be shown to anybody",
			Fix: "write `{from: {secret: name/key}}`, or from an environment variable or a file; and replace the secret if the document was shared"})
	}
	if q, ok := v.Interface().(Quantity); ok && q != "" {
		if _, err := parseQuantity(q); err != nil {
			c.add(FieldError{Path: path, Code: CodeBadQuantity, What: fmt.Sprintf("%q is not an amount", q),
				Fix: `write a number with a unit, such as "500m" of CPU, "512Mi" of memory or "10Gi" of disk`})
		}
	}
}

// entries checks the names of a map's entries, and the entries, in the order of their names.
func (c *checker) entries(v reflect.Value, path string) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	for _, key := range keys {
		at := Join(path, key.String())
		if rule, ok := entryNames[v.Type().Elem()]; ok && !matches(rule.pattern, key.String()) {
			c.add(FieldError{Path: at, Code: CodeBadName, What: fmt.Sprintf("%q cannot be a name here", key.String()),
				Why: "a name here is " + rule.means, Fix: "choose another name"})
		}
		if v.Type().Elem().Kind() != reflect.Interface {
			c.fields(v.MapIndex(key), at)
		}
	}
}

// nameRule is what the names of a map's entries look like.
type nameRule struct{ pattern, means string }

var (
	entryName = nameRule{`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`, "up to 32 lower-case letters, digits and hyphens, beginning with a letter"}
	envName   = nameRule{`^[A-Za-z_][A-Za-z0-9_]*$`, "letters, digits and underscores, not beginning with a digit"}
)

// entryNames are the maps whose entries' names become names of things.
var entryNames = map[reflect.Type]nameRule{
	reflect.TypeFor[NodePool]():         entryName,
	reflect.TypeFor[Database]():         entryName,
	reflect.TypeFor[ReadReplica]():      entryName,
	reflect.TypeFor[Messaging]():        entryName,
	reflect.TypeFor[MessagingUser]():    entryName,
	reflect.TypeFor[Gateway]():          entryName,
	reflect.TypeFor[Receiver]():         entryName,
	reflect.TypeFor[Bucket]():           entryName,
	reflect.TypeFor[StorageClass]():     entryName,
	reflect.TypeFor[SnapshotSchedule](): entryName,
	reflect.TypeFor[Firewall]():         entryName,
	reflect.TypeFor[ReservedIP]():       entryName,
	reflect.TypeFor[Certificate]():      entryName,
	reflect.TypeFor[App]():              entryName,
	reflect.TypeFor[Alert]():            entryName,
	reflect.TypeFor[Volume]():           entryName,
	reflect.TypeFor[EnvValue]():         envName,
}

// field checks one field against its mark, and says whether to look inside.
func (c *checker) field(f member, mark Mark, path string) bool {
	if mark.Later && !f.value.IsZero() && c.available != nil {
		c.add(FieldError{Path: path, Code: CodeNotAvailable, What: fmt.Sprintf("%s is not available in this k8or yet", f.name),
			Fix: fmt.Sprintf("remove %s", path)})
		return false
	}
	v := f.value
	if v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() != reflect.Struct {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		c.text(v.String(), f.name, mark, path)
	case reflect.Int, reflect.Int64:
		c.number(v, f.name, mark, path, v != f.value)
	case reflect.Slice, reflect.Map:
		c.length(v, f.name, mark, path)
	}
	return true
}

func (c *checker) missing(name string, mark Mark, path string) {
	fix := fmt.Sprintf("add `%s: …`", name)
	switch {
	case len(mark.Enum) == 1:
		fix = fmt.Sprintf("add `%s: %s`", name, mark.Enum[0])
	case len(mark.Enum) > 1:
		fix = fmt.Sprintf("add `%s:` with one of %s", name, strings.Join(mark.Enum, ", "))
	case mark.Example != "":
		fix = fmt.Sprintf("add it, for example `%s: %s`", name, strings.Trim(mark.Example, `"`))
	}
	c.add(FieldError{Path: path, Code: CodeMissingField, What: fmt.Sprintf("%s is required and missing", path), Fix: fix})
}

func (c *checker) text(s, name string, mark Mark, path string) {
	switch {
	case s == "" && mark.Required:
		c.missing(name, mark, path)
	case s == "":
	case len(mark.Enum) > 0 && !slices.Contains(mark.Enum, s):
		code := CodeUnknownWord
		if path == "apiVersion" || path == "kind" || path == "spec.catalog" {
			code = CodeUnknownVersion
		}
		c.add(FieldError{Path: path, Code: code, What: fmt.Sprintf("%s cannot be %q", name, s), Given: s, Choices: mark.Enum,
			Fix: "use " + oneOf(mark.Enum)})
	case mark.Pattern != "" && !matches(mark.Pattern, s):
		c.add(FieldError{Path: path, Code: CodeBadFormat, What: fmt.Sprintf("%s cannot be %q", name, s),
			Why: "it has to be " + mark.Means, Fix: exampleFix(name, mark)})
	}
}

func exampleFix(name string, mark Mark) string {
	if mark.Example == "" {
		return "write it in that form"
	}
	return fmt.Sprintf("for example `%s: %s`", name, mark.Example)
}

func (c *checker) number(v reflect.Value, name string, mark Mark, path string, given bool) {
	n := v.Int()
	switch {
	case n == 0 && !given && (!mark.Required || mark.Min != nil && *mark.Min > 0):
		if mark.Required {
			c.missing(name, mark, path)
		}
	case mark.Min != nil && n < int64(*mark.Min), mark.Max != nil && n > int64(*mark.Max):
		c.add(FieldError{Path: path, Code: CodeOutOfBounds, What: fmt.Sprintf("%s cannot be %d", name, n),
			Fix: "give " + bounds(mark)})
	}
}

func bounds(mark Mark) string {
	switch {
	case mark.Min != nil && mark.Max != nil:
		return fmt.Sprintf("a number from %d to %d", *mark.Min, *mark.Max)
	case mark.Min != nil:
		return fmt.Sprintf("%d or more", *mark.Min)
	}
	return fmt.Sprintf("at most %d", *mark.Max)
}

func (c *checker) length(v reflect.Value, name string, mark Mark, path string) {
	switch {
	case v.Len() == 0 && mark.Required:
		c.missing(name, mark, path)
	case v.Len() > 0 && mark.Min != nil && v.Len() < *mark.Min:
		c.add(FieldError{Path: path, Code: CodeOutOfBounds, What: fmt.Sprintf("%s has %d entries", name, v.Len()),
			Fix: fmt.Sprintf("give %d or more", *mark.Min)})
	}
}

// from checks that a reference to a secret names exactly one source.
func (c *checker) from(from From, path string) {
	var given []string
	for _, source := range []struct{ name, value string }{{"secret", from.Secret}, {"env", from.Env}, {"file", from.File}} {
		if source.value != "" {
			given = append(given, source.name)
		}
	}
	switch len(given) {
	case 0:
		c.add(FieldError{Path: path, Code: CodeBadFrom, What: "the reference names no source",
			Fix: "give one of `secret: name/key`, `env: NAME` and `file: path`"})
	case 1:
	default:
		c.add(FieldError{Path: path, Code: CodeBadFrom, What: "the reference names several sources: " + strings.Join(given, " and "),
			Fix: "keep one of them"})
	}
}

// Join is the path of a part of the field at path: a field or a map's entry by its name, or a list's
// entry by its number. A name that holds anything but letters, digits, hyphens and underscores is
// written in brackets and quotes.
func Join[K string | int](path string, part K) string {
	switch part := any(part).(type) {
	case int:
		return fmt.Sprintf("%s[%d]", path, part)
	case string:
		switch {
		case !matches(`^[A-Za-z0-9_-]+$`, part):
			return fmt.Sprintf("%s[%q]", path, part)
		case path == "":
			return part
		}
		return path + "." + part
	}
	return path
}

// looksSecret says whether a text is a credential by its form: those of well-known services, a
// private key, or a URL with a password in it.
func looksSecret(s string) bool {
	return matches(`^(dop_v1_|doo_v1_|sk_live_|rk_live_|ghp_|gho_|github_pat_|glpat-|xox[abps]-|AKIA[0-9A-Z]{16}|SG\.)|-----BEGIN [A-Z ]*PRIVATE KEY|^[a-z][a-z0-9+.-]*://[^/@:\s]*:[^/@\s]+@`, s)
}

// namesSecret says whether a variable is named as one that holds a secret, and its value is a text of its own: neither a path nor made of
// other variables.
func namesSecret(name, value string) bool {
	return value != "" && !matches(`^/|^\$\(`, value) && matches(`(?i)(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_KEY|SECRET_KEY|PRIVATE_KEY)$`, name)
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

var patterns sync.Map // of *regexp.Regexp by its text: compiled when first needed, to start fast

func matches(pattern, s string) bool {
	re, ok := patterns.Load(pattern)
	if !ok {
		re, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return re.(*regexp.Regexp).MatchString(s)
}
