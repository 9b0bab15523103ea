// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// watched FILE COMMAND...: the command runs well, and the file holds the arguments of each process of the script's that ran
// meanwhile, and the variables of those that a person did not start. Without /proc it says so, and holds nothing else.
func watched(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: watched file command [arg...]")
	}
	if !haveProc() {
		ts.Logf("this system has no /proc, so that arguments and variables of processes are not seen")
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("no /proc\n"), 0o600))
		ts.Check(ts.Exec(args[1], args[2:]...))
		return
	}
	w := &watcher{work: []byte(ts.Getenv("WORK")), ours: map[int]bool{}, looked: map[int]int{}, said: map[string]bool{}}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			w.look()
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	err := ts.Exec(args[1], args[2:]...)
	close(end)
	<-ended
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(w.lines, "\n")+"\n"), 0o600))
	ts.Check(err)
}

// haveProc reports whether the system shows its processes as Linux does.
func haveProc() bool {
	_, err := os.Stat("/proc/self/environ")
	return err == nil
}

// watcher notes what the processes of one script's show of themselves.
type watcher struct {
	work   []byte       // the script's folder, which its processes have among their variables or arguments
	ours   map[int]bool // processes of the script's
	looked map[int]int  // how often each was
	said   map[string]bool
	lines  []string
}

// look looks at the processes that are there. Others' are let be after twenty looks: until it runs its own program a process shows
// what its parent does.
func (w *watcher) look() {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() || !w.ours[pid] && w.looked[pid] == 20 {
			continue
		}
		w.looked[pid]++
		w.note(pid)
	}
}

func (w *watcher) note(pid int) {
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
		if err != nil {
			return nil // it has ended
		}
		return raw
	}
	arguments, variables, parent := read("cmdline"), read("environ"), parentOf(read("stat"))
	if len(arguments) == 0 || !w.ours[parent] && !bytes.Contains(arguments, w.work) && !bytes.Contains(variables, w.work) {
		return
	}
	w.ours[pid] = true
	words := strings.Split(strings.TrimRight(string(arguments), "\x00"), "\x00")
	program := filepath.Base(words[0])
	w.say("%s: argument: %s", program, strings.Join(words[1:], " "))
	if parent == os.Getpid() { // which a person started, and whose variables are theirs
		return
	}
	for variable := range strings.SplitSeq(strings.TrimRight(string(variables), "\x00"), "\x00") {
		w.say("%s: variable: %s", program, variable)
	}
}

func (w *watcher) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !w.said[line] {
		w.said[line] = true
		w.lines = append(w.lines, line)
	}
}

// parentOf reads /proc/PID/stat, whose fourth field is the parent. The second is a name in parentheses that may hold anything.
func parentOf(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return parent
}
