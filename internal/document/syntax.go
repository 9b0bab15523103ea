// SPDX-License-Identifier: Apache-2.0

package document

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/k8or/k8or/internal/problem"
)

// advice is what a person can do about what the YAML reader says.
var advice = []struct{ says, title, fix string }{
	{"mapping values are not allowed", "a colon stands where no value can begin", "put the field on a line of its own, indented like its neighbours, or quote a text that contains a colon"},
	{"did not find expected key", "the line does not line up with the ones before it", "indent it like its neighbours, with two spaces a level"},
	{"did not find expected '-' indicator", "the line does not line up with the list before it", "indent it like the list's other entries"},
	{"did not find expected ',' or '}'", "a map in braces is not closed", "close it with }, and put commas between its fields"},
	{"did not find expected ',' or ']'", "a list in brackets is not closed", "close it with ], and put commas between its entries"},
	{"did not find expected node content", "something is missing here", "close the bracket or brace, or add the value"},
	{"could not find expected ':'", "a key has no colon", "write `name: value`"},
	{"found unexpected end of stream", "a quotation is not closed", "close it with the quotation mark it began with"},
	{"unknown anchor", "an alias names an anchor that is not there", "define it before with &name, or write the value out"},
	{"found character that cannot start any token", "a value cannot begin with this character", "put the value in quotes"},
	{"block sequence entries are not allowed", "a list's entry stands where none can", "put it on a line of its own, below its key"},
	{"found unknown escape character", "a backslash in double quotes begins nothing known", "use single quotes, or write two backslashes"},
	{"found incompatible YAML document", "the file says it is another version of YAML", "remove the %YAML line"},
	{"exceeded max depth", "the document is nested too deep", "check the brackets and the indentation"},
}

// syntax is what a person is told when the file is not YAML.
func (b *builder) syntax(err error) *problem.Problem {
	p := &problem.Problem{Code: problem.BadYAML, Kind: problem.Usage, Title: "the file is not YAML", Place: &problem.Place{File: b.src.name}, Cause: err,
		Fix: "mend the line, or look just above it"}
	load, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		p.Why = err.Error()
		return p
	}
	p.Why = load.Message
	mark := load.Mark
	if open := load.ContextMark; open.Line > 0 && (strings.Contains(load.Message, "end of stream") || strings.Contains(load.Message, "expected ','")) {
		if mark.Line > open.Line {
			p.Why = fmt.Sprintf("it begins here and is still open on line %d", mark.Line)
		}
		mark = open
	}
	if mark.Line > 0 {
		b.src.hideLikely(mark.Line)
		p.Place = b.src.place(position{b.src, mark.Line, max(mark.Column, 1)})
	}
	for _, a := range advice {
		if strings.Contains(load.Message, a.says) {
			p.Title, p.Fix = a.title, a.fix
			break
		}
	}
	if strings.Contains(load.Message, "exceeded max depth") {
		p.Code = problem.TooDeep
	}
	if strings.Contains(load.Message, "cannot start any token") && strings.HasPrefix(b.src.text[b.src.offset(mark.Line, mark.Column):], "\t") {
		p.Code, p.Title, p.Why, p.Fix = problem.TabIndent, "a tab stands where YAML wants spaces", "", "indent with spaces, two a level"
	}
	return p
}
