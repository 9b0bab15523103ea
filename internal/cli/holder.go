// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// holder is who takes the lock: user, machine and process.
func holder() string { return fmt.Sprintf("%s%d", here(), os.Getpid()) }

// here is the part of a holder that all of this person's processes on this machine share.
func here() string {
	name, host := "somebody", "somewhere"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, name+"-"+host) + "-"
}

// dead reports whether a lock's holder was a process of this person on this machine that is gone. Of anybody else's
// nothing is known.
func dead(holder string) bool {
	rest, ok := strings.CutPrefix(holder, here())
	if !ok {
		return false
	}
	number, _, _ := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	return err == nil && pid > 0 && pid != os.Getpid() && ended(pid)
}
