// SPDX-License-Identifier: Apache-2.0

package companion

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// releases is where a release's files are. Nobody has run this against a real release yet.
const releases = "https://github.com/k8or/k8or/releases/download"

// largest is more than any companion weighs.
const largest = 512 << 20

var releaseVersion = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)

// download takes a companion from this binary's own release, checks it against the release's checksums, and keeps it.
func (f Finder) download(ctx context.Context, name string) (string, error) {
	if !releaseVersion.MatchString(f.Version) {
		return "", errNoRelease
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	file := fmt.Sprintf("%s_%s_%s_%s", name, strings.TrimPrefix(f.Version, "v"), runtime.GOOS, runtime.GOARCH)
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	kept := filepath.Join(f.Cache, file)
	release := cmp.Or(f.Releases, releases) + "/" + f.Version
	sums, err := get(ctx, release+"/checksums.txt", 1<<20)
	if err != nil {
		return "", err
	}
	want, err := sumOf(sums, file)
	if err != nil {
		return "", err
	}
	if data, err := os.ReadFile(kept); err == nil && sumsTo(data, want) {
		return kept, nil
	}
	data, err := get(ctx, release+"/"+file, largest)
	if err != nil {
		return "", err
	}
	if !sumsTo(data, want) {
		return "", fmt.Errorf("%s does not match the release's checksum: it was damaged on the way, or is not ours", file)
	}
	if err := os.MkdirAll(f.Cache, 0o755); err != nil {
		return "", fmt.Errorf("keep %s: %w", file, err)
	}
	temporary := kept + ".part"
	if err := os.WriteFile(temporary, data, 0o755); err != nil {
		return "", fmt.Errorf("keep %s: %w", file, err)
	}
	return kept, os.Rename(temporary, kept)
}

func sumsTo(data []byte, want string) bool {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]) == want
}

// sumOf finds a file's line in a checksums file: "<hex>  <name>".
func sumOf(sums []byte, file string) (string, error) {
	lines := bufio.NewScanner(bytes.NewReader(sums))
	for lines.Scan() {
		if sum, name, ok := strings.Cut(lines.Text(), "  "); ok && name == file {
			return sum, nil
		}
	}
	return "", fmt.Errorf("the release has no %s", file)
}

func get(ctx context.Context, url string, most int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("download %s: %s", url, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", url, err)
	}
	return data, nil
}
