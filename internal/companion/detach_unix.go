// SPDX-License-Identifier: Apache-2.0

//go:build unix

package companion

import (
	"os/exec"
	"syscall"
)

// detach lets the process go on when the terminal that started it ends.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
