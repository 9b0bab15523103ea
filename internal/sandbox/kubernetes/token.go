// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keyFile holds the key by which a cluster's control plane knows its tokens.
const keyFile = "token-key"

// makeKey writes a new key into the control plane's folder unless there is one.
func makeKey(dir string) error {
	path := filepath.Join(dir, keyFile)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	crand.Read(key)
	return os.WriteFile(path, []byte(hex.EncodeToString(key)), 0o600)
}

// token signs who a caller is and until when, as the control plane expects it.
func token(dir, cluster, user string, until time.Time) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		return "", fmt.Errorf("make a token for cluster %s: its key: %w", cluster, err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return "", fmt.Errorf("make a token for cluster %s: its key is not hexadecimal", cluster)
	}
	payload, err := json.Marshal(map[string]any{"user": user, "groups": []string{"system:masters"}, "exp": until.Unix(), "cluster": cluster})
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	encode := base64.RawURLEncoding.EncodeToString
	return "doks_v1_" + encode(payload) + "." + encode(mac.Sum(nil)), nil
}
