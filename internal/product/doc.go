// SPDX-License-Identifier: Apache-2.0

// Package product says what a product is: a [Definition] with three phases, and the capabilities by which products meet
// without knowing each other.
//
// Select is pure: from the document alone a product declares its footprint and what it costs, and wants support products.
// Build adds its resources to the graph and offers capabilities; it may use foundations only ([Foundation]). Wire joins what
// others offered, as nodes of their own, and offers nothing any more. Each phase has its own type, so that the compiler
// holds them apart. [Compose] runs the phases for all entries of a document, each phase for all entries before the next.
//
// A product is one folder of internal/catalog and one line of catalog.go. Start with catalog/gateway/nginx.
package product
