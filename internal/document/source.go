// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/k8or/k8or/internal/problem"
)

// limit is how large a document may be. The largest real ones are a few tens of kilobytes.
const limit = 1 << 20

// source is the text of one file, with the places in it that must not be shown.
type source struct {
	name string
	// text is without a byte order mark; bom says whether there was one.
	text string
	bom  bool
	// lines are the offsets at which lines begin, as YAML counts lines.
	lines []int
	// hidden are the columns from which on a line is masked, by line.
	hidden map[int]int
}

// position is a place in a source, counted as YAML does: lines and characters from 1.
type position struct {
	src          *source
	line, column int
}

const byteOrderMark = "\ufeff"

// newSource checks that data is text that YAML can be read from.
func newSource(name string, data []byte) (*source, *problem.Problem) {
	s := &source{name: name, hidden: map[int]int{}}
	text, bom := strings.CutPrefix(string(data), byteOrderMark)
	s.text, s.bom = text, bom
	s.lines = lineStarts(text)
	whole := &problem.Place{File: name}
	switch {
	case len(data) > limit:
		return nil, &problem.Problem{Code: problem.FileTooLarge, Kind: problem.Usage, Title: fmt.Sprintf("%s is too large for a document", name), Place: whole,
			Why: fmt.Sprintf("k8or reads up to %d KiB, and this is more", limit>>10), Fix: "check that it is the file you meant"}
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, &problem.Problem{Code: problem.NotUTF8, Kind: problem.Usage, Title: fmt.Sprintf("%s is UTF-16", name), Place: whole,
			Fix: "save it as UTF-8"}
	}
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			s.hideLikely(s.at(i).line)
			place := s.place(s.at(i))
			place.Snippet = strings.ToValidUTF8(place.Snippet, "\ufffd")
			return nil, &problem.Problem{Code: problem.NotUTF8, Kind: problem.Usage, Title: fmt.Sprintf("%s is not text in UTF-8", name), Place: place,
				Why: fmt.Sprintf("the byte 0x%02x cannot stand here", text[i]), Fix: "save it as UTF-8"}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			s.hideLikely(s.at(i).line)
			return nil, &problem.Problem{Code: problem.BadYAML, Kind: problem.Usage, Title: fmt.Sprintf("%s contains a control character", name), Place: s.place(s.at(i)),
				Why: fmt.Sprintf("the character U+%04X cannot stand in YAML", r), Fix: "remove it"}
		}
	}
	return s, nil
}

// lineStarts are the offsets at which lines begin, by all the line breaks that YAML knows.
func lineStarts(text string) []int {
	starts := []int{0}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch r {
		case '\r':
			if i < len(text) && text[i] == '\n' {
				i++
			}
			starts = append(starts, i)
		case '\n', '\u0085', '\u2028', '\u2029':
			starts = append(starts, i)
		}
	}
	return starts
}

// line is the text of a line without its break; empty beyond the last.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	end := len(s.text)
	if n < len(s.lines) {
		end = s.lines[n]
	}
	return strings.TrimRight(s.text[s.lines[n-1]:end], "\r\n\u0085\u2028\u2029")
}

// at is the position of an offset.
func (s *source) at(offset int) position {
	line := 1
	for line < len(s.lines) && s.lines[line] <= offset {
		line++
	}
	return position{s, line, utf8.RuneCountInString(s.text[s.lines[line-1]:offset]) + 1}
}

// offset is where in the text a position is.
func (s *source) offset(line, column int) int {
	if line < 1 || line > len(s.lines) {
		return len(s.text)
	}
	i := s.lines[line-1]
	for range column - 1 {
		if i >= len(s.text) {
			break
		}
		_, size := utf8.DecodeRuneInString(s.text[i:])
		i += size
	}
	return i
}

// hide masks the rest of a line from a position on, wherever the line is shown.
func (s *source) hide(line, column int) {
	if from, ok := s.hidden[line]; !ok || column < from {
		s.hidden[line] = column
	}
}

// likely is a field and its value on one line, where the value is not a reference.
var likely = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_-]*)["']?\s*:\s+([^\s{\[&*#])`)

// hideLikely masks what a line may hold of a secret, in a file that cannot be read further.
func (s *source) hideLikely(line int) {
	text := s.line(line)
	for _, m := range likely.FindAllStringSubmatchIndex(text, -1) {
		if secretLike(text[m[2]:m[3]]) {
			s.hide(line, utf8.RuneCountInString(text[:m[4]])+1)
			return
		}
	}
}

// place is a position as a person is shown it.
func (s *source) place(p position) *problem.Place {
	text := s.line(p.line)
	if from, ok := s.hidden[p.line]; ok {
		runes := []rune(text)
		text = string(runes[:min(from-1, len(runes))]) + "[hidden]"
	}
	if runes := []rune(text); len(runes) > p.column+200 { // a line of a whole file helps nobody
		text = string(runes[:p.column+200])
	}
	return &problem.Place{File: s.name, Line: p.line, Column: p.column, Snippet: text}
}
