// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// names are the binaries that are measured.
var names = []string{"k8or", "k8or-sandbox", "k8or-controlplane"}

// bench is one run: the binaries, and a folder with a copy of the document, a sandbox's state and run logs.
type bench struct {
	options
	dir string
	env []string
}

func open(o options) (*bench, error) {
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, fmt.Errorf("find the binaries: %w", err)
	}
	o.bin = bin
	for _, name := range names {
		if _, err := os.Stat(binary(bin, name)); err != nil {
			return nil, fmt.Errorf("find the binaries: %w; `make build` builds them", err)
		}
	}
	dir, err := os.MkdirTemp("", "k8or-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	b := &bench{options: o, dir: dir}
	if err := os.CopyFS(b.platform(), os.DirFS(o.example)); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the example: %w", err), os.RemoveAll(dir))
	}
	// The caller's own clouds and settings have no part in this.
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "K8OR_") && !strings.HasPrefix(v, "DIGITALOCEAN_") {
			b.env = append(b.env, v)
		}
	}
	b.env = append(b.env, "K8OR_SANDBOX_DIR="+b.box(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	return b, nil
}

// close stops the sandbox and removes the folder, whatever has happened before.
func (b *bench) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := b.k8or(ctx, "sandbox", "stop")
	return errors.Join(err, os.RemoveAll(b.dir))
}

func (b *bench) platform() string { return filepath.Join(b.dir, "platform") }
func (b *bench) box() string      { return filepath.Join(b.dir, "sandbox") }

func binary(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name)
}

// outcome is one command that ended well.
type outcome struct {
	out  []byte
	took time.Duration
	peak int64 // resident bytes at the most; 0 where the system does not say
}

// k8or runs one command in the document's folder, from start of the process to its end.
func (b *bench) k8or(ctx context.Context, args ...string) (outcome, error) {
	cmd := exec.CommandContext(ctx, binary(b.bin, "k8or"), args...)
	cmd.Dir, cmd.Env = b.platform(), b.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err := cmd.Run()
	o := outcome{out: out.Bytes(), took: time.Since(began)}
	if err != nil {
		return o, fmt.Errorf("run `k8or %s`: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errs.Bytes()))
	}
	o.peak = peak(cmd.ProcessState)
	return o, nil
}

// repeated is what several runs of one command took.
type repeated struct {
	took []time.Duration // shortest first
	peak int64
}

func (r repeated) least() float64  { return milliseconds(r.took[0]) }
func (r repeated) median() float64 { return milliseconds(r.took[len(r.took)/2]) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// repeat runs a command n times, and once before that does not count: it warms the disk's cache.
func (b *bench) repeat(ctx context.Context, n int, args ...string) (repeated, error) {
	var r repeated
	for i := range n + 1 {
		o, err := b.k8or(ctx, args...)
		if err != nil {
			return r, err
		}
		if i > 0 {
			r.took = append(r.took, o.took)
			r.peak = max(r.peak, o.peak)
		}
	}
	slices.Sort(r.took)
	return r, nil
}
