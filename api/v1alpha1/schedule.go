// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// shorthand are the words that stand for whole schedules.
var shorthand = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// The fields of a schedule, and what each can be.
var (
	cronFields = []string{"minute", "hour", "day of month", "month", "day of week"}
	cronLeast  = []int{0, 0, 1, 1, 0}
	cronMost   = []int{59, 23, 31, 12, 7}
)

// badSchedule says what is wrong with a schedule, or nothing.
func badSchedule(schedule string) string {
	if _, ok := shorthand[schedule]; ok {
		return ""
	}
	fields := strings.Fields(schedule)
	if len(fields) != 5 {
		return fmt.Sprintf("it has %d fields, and five are needed: minute, hour, day of month, month, day of week", len(fields))
	}
	for i, f := range fields {
		if _, ok := cronSet(f, i); !ok {
			return fmt.Sprintf("%q cannot be the %s", f, cronFields[i])
		}
	}
	return ""
}

// Runs is how often a schedule comes within so many days, at most: 14 times of "0 1 * * *" in 14 days. What is no schedule never comes.
func Runs(schedule string, days int) int {
	times, comes := timetable(schedule)
	if days < 1 {
		return 0
	}
	now, most := 0, 0
	for i := range 366 + days {
		if comes(leap.AddDate(0, 0, i)) {
			now++
		}
		if i >= days && comes(leap.AddDate(0, 0, i-days)) {
			now--
		}
		most = max(most, now)
	}
	return most * len(times)
}

// Apart is the longest time between two times that a schedule comes: a day of "0 1 * * *", three of "0 1 * * mon-fri". It is zero of what is no
// schedule, and of what does not come twice in five years.
func Apart(schedule string) time.Duration {
	times, comes := timetable(schedule)
	var last, longest time.Duration
	came := false
	for i := range 5 * 366 {
		if !comes(leap.AddDate(0, 0, i)) {
			continue
		}
		for _, at := range times {
			now := time.Duration(i)*24*time.Hour + at
			if came {
				longest = max(longest, now-last)
			}
			last, came = now, true
		}
	}
	return longest
}

// leap begins a leap year, whose February is the longest.
var leap = time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)

// timetable are the times of the day that a schedule comes, in order, and the days. What is no schedule comes on no day.
func timetable(schedule string) (times []time.Duration, comes func(day time.Time) bool) {
	if long, ok := shorthand[schedule]; ok {
		schedule = long
	}
	if badSchedule(schedule) != "" {
		return nil, func(time.Time) bool { return false }
	}
	fields := strings.Fields(schedule)
	var sets [5]map[int]bool
	for i, f := range fields {
		sets[i], _ = cronSet(f, i)
	}
	for hour := range sets[1] {
		for minute := range sets[0] {
			times = append(times, time.Duration(hour)*time.Hour+time.Duration(minute)*time.Minute)
		}
	}
	slices.Sort(times)
	either := !strings.Contains(fields[2], "*") && !strings.Contains(fields[4], "*") // as crontab has it: then either of the two days will do
	return times, func(d time.Time) bool {
		month, week := sets[2][d.Day()], sets[4][int(d.Weekday())]
		return sets[3][int(d.Month())] && (month && week || either && (month || week))
	}
}

var (
	months = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	days   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// cronSet is what a field of a schedule stands for: *, N, N-M, or one of them with /step, with commas between several; false where it is
// none of these. Sunday is 0.
func cronSet(field string, i int) (map[int]bool, bool) {
	set := map[int]bool{}
	for part := range strings.SplitSeq(strings.ToLower(field), ",") {
		span, by, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			if !matches(`^[1-9][0-9]{0,2}$`, by) {
				return nil, false
			}
			step = decimal(by)
		}
		low, high := cronLeast[i], cronMost[i]
		if span != "*" {
			from, to, ranged := strings.Cut(span, "-")
			var ok bool
			if low, ok = cronNumber(from, i); !ok || low < cronLeast[i] || low > cronMost[i] {
				return nil, false
			}
			switch {
			case ranged:
				if high, ok = cronNumber(to, i); !ok || high > cronMost[i] || low > high {
					return nil, false
				}
			case !stepped:
				high = low
			}
		}
		for n := low; n <= high; n += step {
			if i == 4 {
				set[n%7] = true
			} else {
				set[n] = true
			}
		}
	}
	return set, true
}

func cronNumber(s string, field int) (int, bool) {
	if i := slices.Index(months, s); field == 3 && i >= 0 {
		return i + 1, true
	}
	if i := slices.Index(days, s); field == 4 && i >= 0 {
		return i, true
	}
	if !matches(`^[0-9]{1,2}$`, s) {
		return 0, false
	}
	return decimal(s), true
}

// decimal is the number that digits write.
func decimal(digits string) int {
	n := 0
	for _, digit := range digits {
		n = n*10 + int(digit-'0')
	}
	return n
}
