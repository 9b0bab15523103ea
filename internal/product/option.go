// SPDX-License-Identifier: Apache-2.0

package product

// Option is one setting that only one product has, as a reference shows it. The catalog's are generated from the Options
// types, since comments are not in the program.
type Option struct {
	// Name is the path below `options`: "storage.size".
	Name string `json:"name"`
	// Type is what it takes: text, number, yes or no, list, map.
	Type string `json:"type"`
	Doc  string `json:"doc"`
}
