// SPDX-License-Identifier: Apache-2.0

package companion

import (
	"os/exec"
	"syscall"
)

// detach lets the process go on when the terminal that started it ends.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
