// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"math/big"
	"strings"
)

var units = map[string]string{
	"": "1", "n": "1/1000000000", "u": "1/1000000", "m": "1/1000",
	"k": "1000", "M": "1000000", "G": "1000000000", "T": "1000000000000", "P": "1000000000000000",
	"Ki": "1024", "Mi": "1048576", "Gi": "1073741824", "Ti": "1099511627776", "Pi": "1125899906842624",
}

// parseQuantity reads an amount exactly. Amounts are never negative.
func parseQuantity(q Quantity) (*big.Rat, error) {
	s := string(q)
	if !matches(`^[0-9]{1,15}(\.[0-9]{1,9})?([num]|[kMGTP]|[KMGTP]i)?$`, s) {
		return nil, fmt.Errorf("%q is not an amount", s)
	}
	number := strings.TrimRight(s, "numkMGTPKi")
	amount, _ := new(big.Rat).SetString(number)
	unit, _ := new(big.Rat).SetString(units[s[len(number):]])
	return amount.Mul(amount, unit), nil
}

// Float is the amount as a number of cores or bytes, and whether it is an amount at all.
func (q Quantity) Float() (float64, bool) {
	amount, err := parseQuantity(q)
	if err != nil {
		return 0, false
	}
	f, _ := amount.Float64()
	return f, true
}
