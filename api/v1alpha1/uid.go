// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"io"
)

// NewUID is a uid for a new platform, made from six bytes of r: crypto/rand.Reader, outside of tests.
// Its letters cannot spell words.
func NewUID(r io.Reader) (string, error) {
	const letters = "bcdfghjklmnpqrstvwxz2456789" // 27, which six random bytes spread over evenly enough
	var raw [6]byte
	if _, err := io.ReadFull(r, raw[:]); err != nil {
		return "", fmt.Errorf("make a uid: %w", err)
	}
	for i, b := range raw {
		raw[i] = letters[int(b)%len(letters)]
	}
	return string(raw[:]), nil
}
