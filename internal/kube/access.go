// SPDX-License-Identifier: Apache-2.0

package kube

// Access says which cluster is meant. It carries no credentials: those are short-lived and fetched when needed.
type Access struct {
	// ID is the cluster's id at its cloud.
	ID string
	// Endpoint is the address of its API server, empty while there is none.
	Endpoint string
}
