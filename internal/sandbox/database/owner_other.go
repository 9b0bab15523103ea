// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package database

import (
	"os"
	"os/exec"
)

// owner is a Unix user; here there is none.
type owner struct{}

// whoRuns is nobody: a real server stands behind a cluster on Unix alone.
func whoRuns() (*owner, bool) { return nil, false }

func runAs(*exec.Cmd, *owner) {}

func giveAway(string, *owner) error { return nil }

func pathVariable() string { return "" }

func alive(int) bool { return false }

func ownedBy(os.FileInfo, *owner) bool { return true }
