// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// The terminal's size.
const columns, rows = 100, 60

// keyboard is how a script names what is not a letter. SIGTERM is no key: it comes from elsewhere.
var keyboard = strings.NewReplacer("<enter>", "\r", "<up>", "\x1b[A", "<down>", "\x1b[B", "<right>", "\x1b[C", "<left>", "\x1b[D",
	"<clear>", "\x15", "<ctrl-c>", "\x03")

// screen is what a person sees at a terminal.
type screen struct {
	mu       sync.Mutex
	emulator *vt.Emulator
	changed  chan struct{} // has something in it when there is something new to see
}

// follow shows all that a command says, and answers what it asks the terminal, until the command's end closes the terminal.
func (s *screen) follow(terminal io.ReadWriter) {
	go io.Copy(terminal, s.emulator) //nolint:errcheck // ends with the emulator
	defer close(s.changed)
	for said := make([]byte, 4096); ; {
		n, err := terminal.Read(said)
		s.mu.Lock()
		s.emulator.Write(said[:n]) //nolint:errcheck // an emulator takes all
		s.mu.Unlock()
		if err != nil {
			return
		}
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimRight(s.emulator.String(), " \n") + "\n"
}

// await waits until a person would see a text.
func (s *screen) await(text string) error {
	for late := time.After(time.Minute); !strings.Contains(s.text(), text); {
		select {
		case _, more := <-s.changed:
			if !more && !strings.Contains(s.text(), text) {
				return fmt.Errorf("the command ended without having shown %q", text)
			}
		case <-late:
			return fmt.Errorf("the command does not show %q", text)
		}
	}
	return nil
}

// converses FILE CODE COMMAND... runs a command at a terminal. Each line of the file is what is to be seen, =>, and what is typed
// then; <sigterm> instead of keys ends the command as others would. What is on the screen at the end is what was printed.
func converses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: converses file code command [arg...]")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	cmd := exec.Command(executable(filepath.Join(bin, args[2])), args[3:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), []string{"TERM=xterm-256color"}
	for _, name := range []string{"HOME", "PATH", "K8OR_SANDBOX_DIR", "KUBECONFIG", "TERM"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: rows, Cols: columns})
	ts.Check(err)
	s := &screen{emulator: vt.NewEmulator(columns, rows), changed: make(chan struct{}, 1)}
	followed := make(chan struct{})
	go func() {
		s.follow(terminal)
		close(followed)
	}()
	err = s.converse(cmd, terminal, ts.ReadFile(args[0]))
	if err != nil {
		cmd.Process.Kill() //nolint:errcheck // it may be gone
	}
	ended := cmd.Wait()
	<-followed // the terminal's other side is closed
	terminal.Close()
	s.emulator.Close()                    //nolint:errcheck // nobody reads it any more
	io.WriteString(ts.Stdout(), s.text()) //nolint:errcheck // the script's own
	if err != nil {
		ts.Fatalf("%s: %v; it shows\n%s", strings.Join(args[2:], " "), err, s.text())
	}
	if _, exited := ended.(*exec.ExitError); ended != nil && !exited {
		ts.Fatalf("run %s: %v", strings.Join(args[2:], " "), ended)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s ended with %d, want %d; it shows\n%s", strings.Join(args[2:], " "), got, want, s.text())
	}
}

// converse goes through the lines of a script.
func (s *screen) converse(cmd *exec.Cmd, terminal io.Writer, script string) error {
	for line := range strings.Lines(script) {
		see, typed, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " => ")
		if !ok {
			return fmt.Errorf("%q is not what is seen => what is typed", line)
		}
		if err := s.await(see); err != nil {
			return err
		}
		var err error
		if typed == "<sigterm>" {
			err = cmd.Process.Signal(syscall.SIGTERM)
		} else {
			_, err = io.WriteString(terminal, keyboard.Replace(typed))
		}
		if err != nil {
			return fmt.Errorf("at %q: %w", see, err)
		}
	}
	return nil
}
