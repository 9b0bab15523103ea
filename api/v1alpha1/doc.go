// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the k8or document: the types that k8or.yaml is made of, the defaults that
// fill what it leaves open, and the rules it has to keep.
//
// The types are the only source. Doc comments become the descriptions of the JSON Schema, of the
// custom resource definition and of the reference page; lines in them that begin with a plus sign
// are facts about a field that the generator and [Validate] read:
//
//	+required            the field must be given
//	+default=JSON        what [Default] puts there when the field is left open
//	+enum=a;b;c          the words allowed
//	+example=JSON        a value worth showing
//	+pattern=REGEXP      what a string must match, followed by +means=WORDS
//	+min=N +max=N        bounds of a number, or of the number of entries
//	+owner=WHO           who may change the field once the platform is up (the document, when absent)
//	+once                chosen when the thing is made, and fixed from then on
//	+later               in the shape, but without a product behind it yet: setting it is an error
//
// The package imports nothing but the standard library and is the only one of k8or that other
// programs may import.
package v1alpha1

//go:generate go run ../../internal/schemagen -root ../..
