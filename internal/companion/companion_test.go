// SPDX-License-Identifier: Apache-2.0

//go:build unix

package companion

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/k8or/k8or/internal/problem"
)

// script is a companion that answers `version` with a line and does the rest as a shell says.
func script(version, rest string) string {
	return fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = version ]; then echo '%s'; exit 0; fi\n%s\n", version, rest)
}

func said(name string, protocol int) string {
	return fmt.Sprintf(`{"name":%q,"version":"v9.9.9","protocol":%d}`, name, protocol)
}

// place writes an executable and gives its path.
func place(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	syscall.ForkLock.RLock() // a child of a parallel test would hold the file open for writing, and it could not be run
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func codeOf(t *testing.T, err error) problem.Code {
	t.Helper()
	pr, ok := errors.AsType[*problem.Problem](err)
	if !ok {
		t.Fatalf("got %v, want a problem", err)
	}
	if pr.Fix == "" {
		t.Errorf("%s says no way on", pr.Code)
	}
	return pr.Code
}

func TestACompanionBesideThisBinaryComesFirst(t *testing.T) {
	dir, inPath := t.TempDir(), t.TempDir()
	t.Setenv("PATH", inPath+string(os.PathListSeparator)+os.Getenv("PATH"))
	beside := place(t, dir, "k8or-toy", script(said("k8or-toy", Protocol), ""))
	other := place(t, inPath, "k8or-toy", script(said("k8or-toy", Protocol), ""))
	f := Finder{Executable: filepath.Join(dir, "k8or"), Version: "devel"}
	if got, err := f.Find(t.Context(), "k8or-toy"); err != nil || got != beside {
		t.Errorf("got %q, %v; want %q", got, err, beside)
	}
	f.Executable = filepath.Join(t.TempDir(), "k8or")
	if got, err := f.Find(t.Context(), "k8or-toy"); err != nil || got != other {
		t.Errorf("with nothing beside: got %q, %v; want %q", got, err, other)
	}
}

func TestACompanionThatDoesNotAnswerAsItShouldIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ why, content, want string }{
		{"another protocol would be misunderstood", script(said("k8or-toy", Protocol+1), ""), fmt.Sprintf("speaks protocol %d", Protocol+1)},
		{"another program of the same file name", script(said("toy-story", Protocol), ""), `calls itself "toy-story"`},
		{"one that answers nonsense", script("hello", ""), "invalid character"},
		{"one that fails", "#!/bin/sh\nexit 3\n", "exit status 3"},
		{"one that is no program", "not a program", "does not answer"},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			place(t, dir, "k8or-toy", c.content)
			_, err := Finder{Executable: filepath.Join(dir, "k8or")}.Find(t.Context(), "k8or-toy")
			if code := codeOf(t, err); code != problem.CompanionProtocol || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s and %q", err, problem.CompanionProtocol, c.want)
			}
		})
	}
}

func TestACompanionThatIsNowhereIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Finder{Executable: filepath.Join(t.TempDir(), "k8or"), Version: "(devel)"}.Find(t.Context(), "k8or-nowhere")
	if code := codeOf(t, err); code != problem.CompanionMissing || !errors.Is(err, errNoRelease) {
		t.Errorf("got %v", err)
	}
	if pr, _ := errors.AsType[*problem.Problem](err); !strings.Contains(pr.Fix, "go install github.com/k8or/k8or/cmd/k8or-nowhere@") {
		t.Errorf("the way on is %q", pr.Fix)
	}
	if got, want := pathOf("k8or-controlplane"), "sandbox/controlplane/cmd/k8or-controlplane"; got != want {
		t.Errorf("the control plane has a module of its own: got %q, want %q", got, want)
	}
}

// release serves one companion and a checksum for it, and counts the downloads.
func release(t *testing.T, content, sum string) (Finder, *int) {
	t.Helper()
	file := fmt.Sprintf("k8or-released_1.2.3_%s_%s", runtime.GOOS, runtime.GOARCH)
	downloads := new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1.2.3/checksums.txt":
			fmt.Fprintf(w, "%s  another_file\n%s  %s\n", strings.Repeat("0", 64), sum, file)
		case "/v1.2.3/" + file:
			*downloads++
			fmt.Fprint(w, content)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return Finder{Executable: filepath.Join(t.TempDir(), "k8or"), Version: "v1.2.3", Cache: filepath.Join(t.TempDir(), "cache"), Releases: server.URL}, downloads
}

// Not parallel: see place.
func TestADownloadIsCheckedKeptAndNotRepeated(t *testing.T) {
	content := script(said("k8or-released", Protocol), "")
	sum := sha256.Sum256([]byte(content))
	f, downloads := release(t, content, hex.EncodeToString(sum[:]))
	for range 2 {
		path, err := f.Find(t.Context(), "k8or-released")
		if err != nil || filepath.Dir(path) != f.Cache {
			t.Fatalf("got %q, %v", path, err)
		}
	}
	if *downloads != 1 {
		t.Errorf("it was downloaded %d times", *downloads)
	}
	kept, err := filepath.Glob(filepath.Join(f.Cache, "*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("the cache holds %v, %v", kept, err)
	}
	if err := os.WriteFile(kept[0], []byte("damaged"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Find(t.Context(), "k8or-released"); err != nil || *downloads != 2 {
		t.Errorf("a damaged file in the cache: %v after %d downloads, want it taken anew", err, *downloads)
	}
}

func TestADownloadThatIsNotTheReleasesIsRefused(t *testing.T) {
	t.Parallel()
	f, _ := release(t, script(said("k8or-released", Protocol), ""), strings.Repeat("a", 64))
	_, err := f.Find(t.Context(), "k8or-released")
	if code := codeOf(t, err); code != problem.CompanionMissing || !strings.Contains(err.Error(), "does not match the release's checksum") {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(f.Cache, "*")); len(left) > 0 {
		t.Errorf("it was kept all the same: %v", left)
	}
	for why, c := range map[string]struct{ version, name, want string }{
		"a release that is not there":      {"v1.2.4", "k8or-released", "404"},
		"a file that the release lacks":    {"v1.2.3", "k8or-other", "the release has no k8or-other"},
		"a build that is of no release":    {"v1.2.3-4-gabcdef", "k8or-released", errNoRelease.Error()},
		"a version that leads out of here": {"../v1.2.3", "k8or-released", errNoRelease.Error()},
	} {
		f.Version = c.version
		if _, err := f.Find(context.WithoutCancel(t.Context()), c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", why, err, c.want)
		}
	}
}
