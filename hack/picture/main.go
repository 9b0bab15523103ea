// SPDX-License-Identifier: Apache-2.0

// Command picture turns what a terminal showed into an SVG, for the README: `k8or up --sandbox … 2>&1 | go run ./hack/picture > docs/demo.svg`.
package main

import (
	"bufio"
	"fmt"
	"html"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	charWidth  = 7.9
	lineHeight = 17
	margin     = 16
	most       = 118 // characters of a line
)

func main() {
	var lines []string
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		line := strings.ReplaceAll(in.Text(), "\t", "    ")
		if r := []rune(line); len(r) > most {
			line = string(r[:most-1]) + "…"
		}
		lines = append(lines, line)
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
	widest := 0
	for _, l := range lines {
		widest = max(widest, utf8.RuneCountInString(l))
	}
	w, h := int(float64(widest)*charWidth)+2*margin, len(lines)*lineHeight+2*margin
	fmt.Printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"k8or in a terminal\">\n", w, h, w, h)
	fmt.Printf("<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"#0d1117\"/>\n<g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\" font-size=\"13\" xml:space=\"preserve\">\n")
	for i, l := range lines {
		if l == "" {
			continue
		}
		fmt.Printf("<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n", margin, margin+(i+1)*lineHeight-4, colour(l), html.EscapeString(l))
	}
	fmt.Println("</g>\n</svg>")
}

// colour follows the signs that k8or itself uses.
func colour(line string) string {
	switch {
	case strings.HasPrefix(line, "$ "):
		return "#79c0ff"
	case strings.HasPrefix(line, "+ "), strings.HasPrefix(line, "✓"):
		return "#7ee787"
	case strings.HasPrefix(line, "~ "), strings.HasPrefix(line, "SANDBOX"), strings.HasPrefix(line, "note:"):
		return "#e3b341"
	case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "error"):
		return "#ff7b72"
	case strings.Contains(line, "not judged"), strings.Contains(line, "not included"), strings.HasPrefix(line, "longest"):
		return "#8b949e"
	default:
		return "#e6edf3"
	}
}
