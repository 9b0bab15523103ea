// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// standing measures what the sandbox and its one cluster hold in memory while the platform stands, where the system
// tells it (Linux).
func (b *bench) standing(_ context.Context, r *Report) error {
	a, err := b.announced()
	if err != nil {
		return err
	}
	self, ok := process(a.PID)
	if !ok {
		r.Notes = append(r.Notes, "Memory of the sandbox and the control plane was not measured: "+runtime.GOOS+" keeps no /proc to read it from.")
		return nil
	}
	r.add(Figure{Name: "sandbox, resident", Value: megabytes(self.resident), Unit: "MB", How: "while the platform stands"})
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	var together int64
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		if p, ok := process(pid); ok && p.parent == a.PID {
			together += p.resident
		}
	}
	r.add(Figure{Name: "control plane, resident", Value: megabytes(together), Unit: "MB", How: "real Kubernetes with etcd, one cluster"})
	return nil
}

// status is what /proc says of a process.
type status struct {
	parent   int
	resident int64
}

func process(pid int) (status, bool) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return status{}, false
	}
	return parseStatus(string(raw)), true
}

func parseStatus(raw string) status {
	var s status
	for line := range strings.Lines(raw) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "PPid:":
			s.parent, _ = strconv.Atoi(words[1])
		case "VmRSS:": // in kB, whatever the page size
			kB, _ := strconv.ParseInt(words[1], 10, 64)
			s.resident = kB << 10
		}
	}
	return s
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }
