// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/k8or/k8or/internal/document"
)

// layouts are good documents as people write them: in blocks and braces, with comments and blank
// lines anywhere, with the line breaks of any system.
func layouts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
		indent := pick("indent", "  ", "    ")
		noise := func() string {
			return pick("noise", "", "", "\n", "# a comment: with {braces}\n", indent+"# an indented one\n", "#\n")
		}
		trail := func() string { return pick("trail", "", "", " # trailing", "  # uid: none") }
		var b strings.Builder
		b.WriteString(pick("start", "", "", "---\n", "# first\n", "\ufeff"))
		metadata := pick("metadata",
			"metadata: {name: shop}", "metadata: { name: shop, labels: {a: b} }", "metadata: {\n"+indent+"name: shop,\n"+indent+"}",
			"metadata:\n"+indent+"name: shop", "metadata:\n"+noise()+indent+"name: \"shop\""+trail()+"\n"+noise()+indent+"labels:\n"+indent+indent+"team: 'a # b'",
			"metadata:\n"+indent+"labels: {x: \"ü, {}\"}\n"+noise()+indent+"name: shop", "metadata:\n"+indent+"labels: {}\n"+indent+"name: |-\n"+indent+indent+"shop\n")
		spec := pick("spec",
			"spec: {region: nyc3}", "spec: {catalog: \"2026.11\", region: nyc3}", "spec:\n"+indent+"region: nyc3",
			"spec:\n"+noise()+indent+"catalog: '2026.11'"+trail()+"\n"+noise()+indent+"region: nyc3",
			"spec:\n"+indent+"gateways:\n"+indent+indent+"public: {}"+trail()+"\n"+noise()+indent+"region: nyc3")
		parts := rapid.Permutation([]string{"apiVersion: k8or.io/v1alpha1", "kind: Platform", metadata, spec}).Draw(t, "order")
		for _, part := range parts {
			b.WriteString(noise() + part + trail() + "\n")
		}
		b.WriteString(noise())
		text := b.String()
		if rapid.Bool().Draw(t, "no last line break") {
			text = strings.TrimRight(text, "\n")
		}
		return strings.ReplaceAll(text, "\n", pick("break", "\n", "\n", "\r\n"))
	})
}

func TestInsertKeepsEveryCommentAndEveryMeaning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := layouts().Draw(rt, "document")
		doc, err := document.Parse(nil, document.Input{Name: "k8or.yaml", Data: []byte(text)})
		if err != nil {
			rt.Fatalf("%v in\n%s", err, text)
		}
		edits := []document.Edit{{Path: "metadata.uid", Value: "x7k2p9"}, {Path: "spec.account", Value: "3f2c9a51"}}
		after, err := document.Insert([]byte(text), edits...)
		if err != nil {
			rt.Fatalf("%v in\n%s", err, text)
		}
		again, err := document.Parse(nil, document.Input{Name: "k8or.yaml", Data: after})
		if err != nil {
			rt.Fatalf("%v in\n%s", err, after)
		}
		want := doc.Platform.Clone()
		want.Metadata.UID, want.Spec.Account = "x7k2p9", "3f2c9a51"
		if fmt.Sprintf("%+v", *again.Platform) != fmt.Sprintf("%+v", *want) {
			rt.Fatalf("the meaning changed:\n%s", after)
		}
		rest := string(after)
		for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return r == '{' || r == '}' || r == '\n' || r == '\r' || r == ',' }) {
			_, then, ok := strings.Cut(rest, piece)
			if !ok {
				rt.Fatalf("%q went missing or changed its place:\n%s", piece, after)
			}
			rest = then
		}
		if strings.Count(string(after), "\r\n") > 0 && strings.Count(string(after), "\r\n") != strings.Count(string(after), "\n") {
			rt.Fatalf("line breaks are mixed: %q", after)
		}
	})
}
