// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package document_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/k8or/k8or/internal/document"
)

// A process whose files may not grow meets what a full disk does: some of what is written is taken, and then no more.
func TestWhatCannotBeWrittenWholeLeavesTheOld(t *testing.T) {
	t.Parallel()
	if name := os.Getenv("K8OR_TEST_WRITES"); name != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
			t.Fatal(err)
		}
		fmt.Println(document.Write(name, []byte(strings.Repeat("new\n", 100)), 0o644))
		return
	}
	dir := t.TempDir()
	there := filepath.Join(dir, "k8or.yaml")
	if err := os.WriteFile(there, []byte("old\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{there, filepath.Join(dir, "new.yaml")} {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), "K8OR_TEST_WRITES="+name)
		if said, err := child.CombinedOutput(); err != nil || !strings.Contains(string(said), "cannot be written: ") {
			t.Errorf("writing %s said %q, %v; want a problem", name, said, err)
		}
	}
	if got, err := os.ReadFile(there); err != nil || string(got) != "old\n" {
		t.Errorf("the file that was there says %q, %v; want the old content", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v is left, %v; want k8or.yaml alone", left, err)
	}
}

func TestWriteGoesThroughAPipe(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if err := document.Write(name, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is %v, %v; want it still there", info, err)
	}
	got := make([]byte, 3)
	if _, err := io.ReadFull(pipe, got); err != nil || string(got) != "new" {
		t.Errorf("through the pipe came %q, %v", got, err)
	}
}
