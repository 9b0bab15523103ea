// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const crashing = "K8OR_TEST_CRASHES_WITH"

// TestACrashShowsNoSecret lets this very test end as a process of its own that nobody catches: by a panic that says what it
// can of a secret, while functions have the value in their hands.
func TestACrashShowsNoSecret(t *testing.T) {
	t.Parallel()
	if value := os.Getenv(crashing); value != "" {
		crash(New(value), value)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestACrashShowsNoSecret$")
	c.Env = append(os.Environ(), crashing+"=canary-Jf3s", "GOTRACEBACK=system")
	out, err := c.CombinedOutput()
	if text := string(out); err == nil || !strings.Contains(text, "goroutine") || !strings.Contains(text, hidden) || strings.Contains(text, "canary") {
		t.Errorf("it ended with %v and said:\n%s", err, text)
	}
}

//go:noinline
func crash(s Text, inHand string) {
	c := make(chan string, 1)
	go func() { c <- inHand; select {} }()
	kept := struct {
		Password Text
		before   Text
		users    map[string]Text
	}{s, s, map[string]Text{"web": s}}
	panic(fmt.Errorf("%v %s %q %x %d of %d letters: %w", s, s, s, s, s, len(<-c), fmt.Errorf("%v %+v %#v", kept, &kept, kept)))
}
