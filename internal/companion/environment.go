// SPDX-License-Identifier: Apache-2.0

package companion

import (
	"os"
	"slices"
	"strings"
)

// needed are the variables that a companion gets, beside K8OR_* and LC_*: where programs, homes and temporary files are, and how
// much a Go program may take. Of all others, such as a cloud's token or what the document takes from the environment, a process
// that goes on when this one ends is to know nothing.
var needed = []string{
	"PATH", "LD_LIBRARY_PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "LANG", "TZ",
	"GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR",
	"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", // Windows, in any case
}

// environment is this process's, as far as companions get it.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		name = strings.ToUpper(name)
		return !slices.Contains(needed, name) && !strings.HasPrefix(name, "K8OR_") && !strings.HasPrefix(name, "LC_")
	})
}
