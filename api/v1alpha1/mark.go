// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Mark is what is known of a field beside its type: what the doc comment's lines that begin with a
// plus sign say.
type Mark struct {
	// Required says that the field must be given.
	Required bool
	// Once says that the field is fixed once the thing is made.
	Once bool
	// Later says that nothing stands behind the field yet.
	Later bool
	// Enum are the words allowed; empty when any are.
	Enum []string
	// Default and Example are JSON, or empty.
	Default, Example string
	// Pattern is what a text must match, and Means that in words.
	Pattern, Means string
	// Owner is who may change the field once the platform is up; empty for the document.
	Owner string
	// Min and Max bound a number, or the number of entries of a list or map; nil for no bound.
	Min, Max *int
}

// MarkOf is what is known of a field, given the name of its type and its name in the document. The
// fields of [Choice] are found under each type that embeds it.
func MarkOf(typeName, field string) Mark { return marks[typeName][field] }
