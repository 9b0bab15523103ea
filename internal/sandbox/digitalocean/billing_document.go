// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
)

// invoiceCSV has the columns of the published example.
func (a *account) invoiceCSV(items []item) []byte {
	const form = "2006-01-02 15:04:05 -0700"
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"product", "group_description", "description", "hours", "start", "end", "USD", "project_name", "category"}) //nolint:errcheck // a buffer takes everything
	for _, i := range items {
		w.Write([]string{i.Product, i.Within, i.Description, i.duration(), i.From.Format(form), i.To.Format(form), "$" + dollars(i.Cents), a.projectOf(i.URN), "iaas"}) //nolint:errcheck // as above
	}
	w.Flush()
	return b.Bytes()
}

// pageLines is how many lines fit the one page.
const pageLines = 60

// pdf writes lines on one page, in a type that every reader has. What does not fit is counted.
func pdf(lines []string) []byte {
	if rest := len(lines) - pageLines; rest > 0 {
		lines = append(lines[:pageLines:pageLines], fmt.Sprintf("and %d lines more: the CSV has them all", rest))
	}
	var text strings.Builder
	text.WriteString("BT /F1 9 Tf 12 TL 40 800 Td\n")
	for _, l := range lines {
		fmt.Fprintf(&text, "(%s) Tj T*\n", strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(l))
	}
	text.WriteString("ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return b.Bytes()
}
