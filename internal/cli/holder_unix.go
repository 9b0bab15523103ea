// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cli

import (
	"errors"
	"syscall"
)

// ended reports whether no process has this number.
func ended(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
