// SPDX-License-Identifier: Apache-2.0

package chart

import (
	helm "helm.sh/helm/v4/pkg/chart/v2"
)

// Parsed gives Helm a chart of its own to work on, for a release that Helm itself installs.
func (c *Chart) Parsed() (*helm.Chart, error) {
	parsed, err := c.parse()
	return parsed, tell(err, "the chart "+c.Name+" "+c.Version+" cannot be read")
}

// Identity is the same for the same files and values. Values are literals and hold no secrets, so that a hash of them may
// be kept.
func (c *Chart) Identity(values map[string]any) (string, error) { return identity(c, values) }
