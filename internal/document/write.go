// SPDX-License-Identifier: Apache-2.0

package document

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/k8or/k8or/internal/problem"
)

// Writable says whether the first file can be edited; the error is a *problem.Problem. It writes
// nothing.
func (d *Document) Writable() error { return writable(d.Files[0]) }

func writable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return unreadable(name, err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o200 == 0 {
		return readOnly(name, "the file is not writable", nil)
	}
	return nil
}

func readOnly(name, why string, cause error) *problem.Problem {
	return &problem.Problem{Code: problem.FileReadOnly, Kind: problem.Preflight, Title: fmt.Sprintf("%s cannot be written", name), Place: &problem.Place{File: name},
		Why: why, Fix: "make it writable, or run `k8or init --uid` where it is and commit the result", Cause: cause}
}

// Insert gives fields their texts in the first file, as the function Insert does, and in one step:
// whoever reads the file meanwhile sees the old one or the new one. Its mode stays. The document in
// memory stays as it was; load it again to see the change. The error is a *problem.Problem.
func (d *Document) Insert(edits ...Edit) error {
	name := d.Files[0]
	if err := writable(name); err != nil {
		return err
	}
	data, err := read(name)
	if err != nil {
		return unreadable(name, err)
	}
	edited, err := Insert(data, edits...)
	if err != nil {
		if p, ok := errors.AsType[*problem.Problem](err); ok && len(edits) > 0 {
			place := d.Where(edits[0].Path)
			p.Place = &place
		}
		return err
	}
	return replace(name, edited)
}

// replace puts data in the place of a file's content, in one step.
func replace(name string, data []byte) (err error) {
	target, err := filepath.EvalSymlinks(name) // a link stays a link
	if err != nil {
		return unreadable(name, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return unreadable(name, err)
	}
	temp, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
	if err != nil {
		return unwritten(name, err)
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), target)
	}
	if err != nil {
		return unwritten(name, err)
	}
	return nil
}

func unwritten(name string, err error) *problem.Problem {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return &problem.Problem{Code: problem.DiskFull, Title: fmt.Sprintf("%s cannot be written", name), Place: &problem.Place{File: name},
			Why: "the disk is full; the file is as it was", Fix: "free some space and run again", Cause: err}
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return readOnly(name, "its folder is not writable", err)
	}
	return &problem.Problem{Code: problem.CannotWrite, Title: fmt.Sprintf("%s cannot be written", name), Place: &problem.Place{File: name},
		Why: err.Error(), Fix: "mend that and run again; the file is as it was", Cause: err}
}
