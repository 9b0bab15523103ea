// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"regexp"
	"strconv"
)

var sizeMemory = regexp.MustCompile(`-(\d+)gb(-|$)`)

// SizeMemory is how many GiB of memory a size of a managed database has, as its name says it: db-s-1vcpu-2gb has 2. Zero for a
// name that does not say it.
func SizeMemory(slug string) int {
	found := sizeMemory.FindStringSubmatch(slug)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return n
}

// Smaller reports whether a size has less memory than another, as far as their names say.
func Smaller(size, than string) bool {
	memory := SizeMemory(size)
	return memory > 0 && memory < SizeMemory(than)
}
