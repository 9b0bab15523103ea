// SPDX-License-Identifier: Apache-2.0

// Package token is the bearer token that opens a simulated cluster's API server: the contract between the sandbox,
// which issues tokens the way DigitalOcean issues cluster credentials, and the control plane, which accepts them.
//
// A token is
//
//	doks_v1_<base64url(payload)>.<base64url(hmac-sha256(key, payload))>
//
// where base64url is RFC 4648's URL alphabet without padding, payload is the JSON of [Claims], and the signature is made
// over the payload's bytes as they were encoded (so that a reader never has to encode JSON the same way). The key is 32
// random bytes; it lives in the file [KeyFile] of the cluster's folder, mode 0600, as 64 hexadecimal digits, which a
// newline may follow. Whoever holds the key can make tokens; a key belongs to one cluster.
package token

import (
	"crypto/hmac"
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

const (
	// Prefix begins every token; a bearer token without it is somebody else's (a service account's).
	Prefix = "doks_v1_"
	// KeyFile is the name of the key's file in the cluster's folder.
	KeyFile = "token-key"
	// KeySize is the key's length in bytes.
	KeySize = 32
)

// ErrExpired is matched by the error of [Verify] for a well-signed token whose time is over.
var ErrExpired = errors.New("token has expired")

// ErrInvalid is matched by the error of [Verify] for a token that is malformed or signed with another key.
var ErrInvalid = errors.New("token is not valid")

// Claims say who the bearer is, and until when.
type Claims struct {
	// User is the account's email address; it becomes the Kubernetes user name.
	User string `json:"user"`
	// Groups are the Kubernetes groups, besides system:authenticated.
	Groups []string `json:"groups"`
	// Expires is in Unix seconds; from that second on the token is refused.
	Expires int64 `json:"exp"`
	// Cluster is the id of the cluster the token was issued for. It is kept with the user as an extra attribute.
	Cluster string `json:"cluster"`
}

// Sign encodes and signs claims.
func Sign(key []byte, claims Claims) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode token claims: %w", err)
	}
	return Prefix + encoding.EncodeToString(payload) + "." + encoding.EncodeToString(sum(key, payload)), nil
}

// Verify returns the claims of a token that was signed with key and has not expired at now. Errors match [ErrInvalid] or
// [ErrExpired] and never contain the token.
func Verify(key []byte, bearer string, now time.Time) (Claims, error) {
	body, ok := strings.CutPrefix(bearer, Prefix)
	if !ok {
		return Claims{}, fmt.Errorf("%w: it does not begin with %s", ErrInvalid, Prefix)
	}
	first, second, ok := strings.Cut(body, ".")
	if !ok {
		return Claims{}, fmt.Errorf("%w: it has no signature", ErrInvalid)
	}
	payload, err := encoding.DecodeString(first)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: its payload is not base64url", ErrInvalid)
	}
	signature, err := encoding.DecodeString(second)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: its signature is not base64url", ErrInvalid)
	}
	if !hmac.Equal(signature, sum(key, payload)) {
		return Claims{}, fmt.Errorf("%w: it was signed with another key", ErrInvalid)
	}
	var claims Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Claims{}, fmt.Errorf("%w: its payload is not the JSON of claims", ErrInvalid)
	}
	if claims.User == "" {
		return Claims{}, fmt.Errorf("%w: it names no user", ErrInvalid)
	}
	if now.Unix() >= claims.Expires {
		return Claims{}, fmt.Errorf("%w at %s", ErrExpired, time.Unix(claims.Expires, 0).UTC().Format(time.RFC3339))
	}
	return claims, nil
}

// ReadKey reads the key from the cluster's folder.
func ReadKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, KeyFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read token key: %w (write %d random bytes there as hexadecimal digits, mode 0600)", err, KeySize)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("read token key %s: it must be %d hexadecimal digits", path, 2*KeySize)
	}
	return key, nil
}

var encoding = base64.RawURLEncoding

func sum(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return mac.Sum(nil)
}
