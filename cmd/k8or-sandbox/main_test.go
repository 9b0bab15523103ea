// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestVersionSaysNameAndProtocol(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if code := run(t.Context(), []string{"version"}, &out, &out); code != 0 {
		t.Errorf("exit code %d", code)
	}
	var v map[string]any
	if err := json.Unmarshal(out.Bytes(), &v); err != nil || v["name"] != "k8or-sandbox" || v["protocol"] != 1.0 || v["version"] == "" {
		t.Errorf("got %s, %v", out.String(), err)
	}
}

func TestBadUsageIs64(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"help"}, {"serve"}, {"serve", "--dir", "x", "more"}, {"serve", "--colour", "red"}} {
		var errs bytes.Buffer
		if code := run(t.Context(), args, &errs, &errs); code != 64 || errs.Len() == 0 {
			t.Errorf("%q: exit code %d, %q", args, code, errs.String())
		}
	}
}

func TestServeEndsGracefullyAndSaysWhatItRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int)
	go func() {
		var out bytes.Buffer
		code <- run(ctx, []string{"serve", "--dir", dir, "--speed", "60"}, &out, &out)
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); ; <-tick.C {
		if _, err := os.Stat(filepath.Join(dir, "sandbox.json")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("within 10 s there was no sandbox.json")
		}
	}
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	var errs bytes.Buffer
	if got := run(t.Context(), []string{"serve", "--dir", dir, "--speed", "1000"}, &errs, &errs); got != 1 || !strings.Contains(errs.String(), "100") {
		t.Errorf("speed 1000: exit code %d, %q", got, errs.String())
	}
}
