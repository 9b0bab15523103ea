// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "fmt"

// schedules checks when snapshots and backups are taken.
func (c *checker) schedules() {
	check := func(path, schedule string) {
		if why := badSchedule(schedule); why != "" {
			c.add(FieldError{Path: path + ".schedule", Code: CodeBadSchedule, What: fmt.Sprintf("%q is not a schedule", schedule), Why: why,
				Fix: `for example "0 2 * * *", every day at 02:00`})
		}
	}
	if s := c.filled.Spec.Storage; s != nil {
		for _, name := range sorted(s.Snapshots) {
			if at := s.Snapshots[name].Schedule; at != "" { // where it is missing, that is said
				check(Join("spec.storage.snapshots", name), at)
			}
		}
	}
	if b := c.filled.Spec.Backups; b != nil && b.Schedule != "" {
		check("spec.backups", b.Schedule)
	}
	if c.given.Spec.Environment == "production" && c.given.Spec.Backups == nil {
		c.add(FieldError{Path: "spec.environment", Code: CodeNoBackups, What: "in production there have to be backups, and there are none",
			Why: "volumes and what is in the cluster would be gone with it; of databases DigitalOcean keeps backups by itself",
			Fix: "add `storage: {spaces: {backups: {}}}` and `backups: {product: velero, bucket: storage/spaces/backups}`, which are taken each night, or write another environment"})
	}
}
