// SPDX-License-Identifier: Apache-2.0

// Package schema carries the JSON Schema of the document and the definition of the custom resource,
// as they are generated from api/v1alpha1, so that the program can print them.
package schema

import _ "embed"

// Platform is the JSON Schema (draft 7) of k8or.yaml.
//
//go:embed v1alpha1/platform.json
var Platform []byte

// Resource is the custom resource definition of the Platform, in YAML.
//
//go:embed crd/k8or.io_platforms.yaml
var Resource []byte
