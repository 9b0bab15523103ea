// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/k8or/k8or/api/v1alpha1"
)

func TestProductionIsBackedUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environment string
		backups     *v1alpha1.Backups
		wanted      bool
	}{{"production", nil, true}, {"production", &v1alpha1.Backups{Bucket: "storage/spaces/backups"}, false}, {"staging", nil, false}, {"", nil, false}} {
		var p v1alpha1.Platform
		p.Spec.Environment, p.Spec.Backups = c.environment, c.backups
		missed := slices.ContainsFunc(v1alpha1.Validate(&p, nil), func(e v1alpha1.FieldError) bool { return e.Code == v1alpha1.CodeNoBackups })
		if missed != c.wanted {
			t.Errorf("environment %q, backups %v: they are asked for: %v, want %v", c.environment, c.backups, missed, c.wanted)
		}
	}
}

func TestRunsIsTheMostThatAScheduleComes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schedule string
		days     int
		want     int
		why      string
	}{
		{"0 1 * * *", 14, 14, "once a day"},
		{"@daily", 14, 14, "by a word"},
		{"0 */6 * * *", 7, 28, "every six hours"},
		{"5,35 8-18/5 * * *", 1, 6, "twice an hour at 8, 13 and 18"},
		{"0 3 * * 0", 14, 2, "on Sundays"},
		{"0 3 * * 7", 14, 2, "on Sundays, as some write it"},
		{"0 3 * * mon-fri", 7, 5, "on working days"},
		{"0 3 * * mon-fri", 1, 1, "the best day of a week"},
		{"0 3 1 * *", 14, 1, "on the first of a month"},
		{"0 3 1 * *", 366, 13, "two firsts at the ends of a leap year's length"},
		{"0 3 31 feb *", 366, 0, "on a day that never is"},
		{"0 3 1 * mon", 31, 7, "on firsts and on Mondays, either will do: from Monday, 31 January, to 1 March"},
		{"0 3 */2 * mon", 7, 1, "a star among the days: both have to be"},
		{"every day", 14, 0, "no schedule"},
		{"0 1 * * *", 0, 0, "no days"},
	} {
		if got := v1alpha1.Runs(c.schedule, c.days); got != c.want {
			t.Errorf("%q within %d days comes %d times, want %d: %s", c.schedule, c.days, got, c.want, c.why)
		}
	}
}

func TestApartIsTheLongestTimeWithoutARun(t *testing.T) {
	t.Parallel()
	const hour, day = time.Hour, 24 * time.Hour
	for schedule, want := range map[string]time.Duration{
		"0 1 * * *": day, "@hourly": hour, "0 */6 * * *": 6 * hour, "0 3 * * mon-fri": 3 * day, "@weekly": 7 * day,
		"5,35 8-18/5 * * *": 13*hour + 30*time.Minute, "0 3 1 * *": 31 * day, "0 3 1,15 * *": 17 * day,
		"0 0 29 feb *": 4*365*day + day, "0 3 31 feb *": 0, "every day": 0,
	} {
		if got := v1alpha1.Apart(schedule); got != want {
			t.Errorf("%q is at most %v without a run, want %v", schedule, got, want)
		}
	}
}

func TestSchedulesOfCopiesAreReadBeforeTheyReachTheCluster(t *testing.T) {
	t.Parallel()
	p := read(t, minimal)
	spec := `{"storage": {"snapshots": {"nightly": {"schedule": "0 25 * * *"}, "weekly": {"schedule": "@weekly"}}}, "backups": {"schedule": "nightly"}}`
	if err := json.Unmarshal([]byte(spec), &p.Spec); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range v1alpha1.Validate(p, nil) {
		if e.Code == v1alpha1.CodeBadSchedule {
			got = append(got, e.Path+": "+e.Why)
		}
	}
	want := []string{`spec.storage.snapshots.nightly.schedule: "25" cannot be the hour`, "spec.backups.schedule: it has 1 fields, and five are needed: minute, hour, day of month, month, day of week"}
	if !slices.Equal(got, want) {
		t.Errorf("the schedules give %q, want %q", got, want)
	}
}
