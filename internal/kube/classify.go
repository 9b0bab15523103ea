// SPDX-License-Identifier: Apache-2.0

package kube

// Classify tells the engine what to make of an error of the cluster's, and a person what it means; nil stays nil. It is
// for who writes to a cluster beside this package.
func Classify(err error) error { return classify(err) }
