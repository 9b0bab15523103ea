// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// snippetWidth is how much of a source line is shown; a longer one is cut around the column.
const snippetWidth = 110

// Text is the problem as a person reads it on a terminal, ending in a newline. With colour it uses
// the eight colours every terminal has.
func (p *Problem) Text(colour bool) string {
	var b strings.Builder
	word, hue := "error", red
	if p.Warning {
		word, hue = "warning", yellow
	}
	if p.Code != "" {
		word += "[" + string(p.Code) + "]"
	}
	fmt.Fprintf(&b, "%s: %s\n", paint(colour, hue, word), paint(colour, bold, printable(p.Title)))
	switch {
	case p.Place != nil:
		p.placeText(&b, colour)
	case p.Call != nil:
		fmt.Fprintf(&b, "  %s %s\n", paint(colour, blue, "-->"), printable(p.Call.String()))
		p.whyText(&b, colour)
	default:
		p.whyText(&b, colour)
	}
	if p.Fix != "" {
		fmt.Fprintf(&b, "  %s %s\n", paint(colour, green, "fix:"), indented(p.Fix, 7))
	}
	return b.String()
}

func (p *Problem) placeText(b *strings.Builder, colour bool) {
	fmt.Fprintf(b, "  %s %s\n", paint(colour, blue, "-->"), printable(p.Place.String()))
	if p.Place.Line == 0 || strings.TrimSpace(p.Place.Snippet) == "" {
		p.whyText(b, colour)
		return
	}
	line, column := window(p.Place.Snippet, p.Place.Column)
	fmt.Fprintf(b, " %s %s\n", paint(colour, blue, fmt.Sprintf("%4d |", p.Place.Line)), line)
	mark := strings.Repeat(" ", max(column-1, 0)) + "^"
	if p.Why != "" {
		mark += " " + printable(strings.ReplaceAll(p.Why, "\n", " "))
	}
	fmt.Fprintf(b, " %s %s\n", paint(colour, blue, "     |"), paint(colour, red, mark))
}

func (p *Problem) whyText(b *strings.Builder, colour bool) {
	if p.Why != "" {
		fmt.Fprintf(b, "  %s %s\n", paint(colour, blue, "why:"), indented(p.Why, 7))
	}
}

// Text is all problems as a person reads them, and how many there are when there are several.
func (l List) Text(colour bool) string {
	var b strings.Builder
	errors := 0
	for i, p := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Text(colour))
		if !p.Warning {
			errors++
		}
	}
	if errors > 1 {
		fmt.Fprintf(&b, "\n%d errors\n", errors)
	}
	return b.String()
}

// Write shows an error to a person: its problems, or the error itself as one.
func Write(w io.Writer, err error, colour bool) error {
	_, werr := io.WriteString(w, All(err).Text(colour))
	return werr
}

// window cuts a line to what is worth showing and says where the column is in it.
func window(line string, column int) (string, int) {
	runes := []rune(printable(strings.TrimRight(line, "\r\n")))
	column = min(max(column, 1), len(runes)+1)
	if len(runes) <= snippetWidth {
		return string(runes), column
	}
	from := max(0, column-1-snippetWidth/2)
	to := min(len(runes), from+snippetWidth)
	cut := append([]rune(nil), runes[from:to]...)
	if from > 0 {
		cut[0] = '…'
	}
	if to < len(runes) {
		cut[len(cut)-1] = '…'
	}
	return string(cut), column - from
}

// printable keeps what came from outside from steering the terminal: one character for another.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control):
			return '\uFFFD'
		}
		return r
	}, s)
}

func indented(s string, by int) string {
	return strings.ReplaceAll(printable(strings.TrimRight(s, "\n")), "\n", "\n"+strings.Repeat(" ", by))
}

const (
	red    = "31;1"
	green  = "32"
	yellow = "33;1"
	blue   = "34"
	bold   = "1"
)

func paint(colour bool, hue, s string) string {
	if !colour || s == "" {
		return s
	}
	return "\x1b[" + hue + "m" + s + "\x1b[0m"
}
