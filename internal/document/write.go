// SPDX-License-Identifier: Apache-2.0

package document

import (
	"crypto/rand"
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

// Insert gives fields their texts in the first file, as the function Insert does, and writes it as
// Write does. The document in memory stays as it was; load it again to see the change. The error is a
// *problem.Problem.
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
	err = Write(name, edited, 0o644)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return readOnly(name, "its folder is not writable", err)
	}
	return err
}

// Write makes data the content of a file, in one step: whoever reads it meanwhile sees the old content or the new one, and what
// cannot be written whole leaves the old. A file that is there keeps its mode, and a link to it stays one; a new file gets perm,
// less the umask. A pipe or a device is written to as it is. The error is a *problem.Problem.
func Write(name string, data []byte, perm fs.FileMode) error {
	if err := write(name, data, perm); err != nil {
		return unwritten(name, err)
	}
	return nil
}

func write(name string, data []byte, perm fs.FileMode) (err error) {
	target := name
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return os.WriteFile(name, data, perm)
	case info.Mode().Perm()&0o200 == 0:
		return &fs.PathError{Op: "write", Path: name, Err: fs.ErrPermission}
	default:
		if target, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
		perm = info.Mode().Perm() // from the first byte on: it may be private
	}
	temp, err := os.OpenFile(filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+"-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(data)
	if info != nil {
		err = errors.Join(err, temp.Chmod(perm)) // whatever the umask
	}
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), target)
}

func unwritten(name string, err error) *problem.Problem {
	p := &problem.Problem{Code: problem.CannotWrite, Title: fmt.Sprintf("%s cannot be written", name), Place: &problem.Place{File: name},
		Why: err.Error(), Fix: "mend that, or name another file; what was there is as it was", Cause: err}
	if errors.Is(err, syscall.ENOSPC) {
		p.Code, p.Why, p.Fix = problem.DiskFull, "the disk is full; what was there is as it was", "free some space and run again"
	}
	return p
}
