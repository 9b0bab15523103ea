// SPDX-License-Identifier: Apache-2.0

//go:build unix

package database

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the unprivileged user that runs servers where we are root, which PostgreSQL refuses to be.
type owner struct{ uid, gid int }

// whoRuns is nobody else (nil) unless we are root; then the user postgres, or nobody. It says whether there is one.
func whoRuns() (*owner, bool) {
	if os.Geteuid() != 0 {
		return nil, true
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return &owner{uid, gid}, true
		}
	}
	return nil, false
}

func runAs(c *exec.Cmd, o *owner) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if o != nil {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
}

// giveAway makes a folder, with all in it, the owner's.
func giveAway(dir string, o *owner) error {
	if o == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, o.uid, o.gid)
	})
}

func pathVariable() string { return os.Getenv("PATH") }

// alive says whether a process is there.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// ownedBy says whether a file is the owner's, or ours where there is none.
func ownedBy(info os.FileInfo, o *owner) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	if o == nil {
		return int(stat.Uid) == os.Geteuid()
	}
	return int(stat.Uid) == o.uid
}
