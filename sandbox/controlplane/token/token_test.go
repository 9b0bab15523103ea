// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/sandbox/controlplane/token"
)

var (
	key    = bytes.Repeat([]byte{0x2a}, token.KeySize)
	claims = token.Claims{User: "ada@example.com", Groups: []string{"system:masters"}, Expires: 2_000_000_000, Cluster: "c-1"}
)

// vector is claims signed with key. Whoever writes the format anew should get the same.
const vector = "doks_v1_eyJ1c2VyIjoiYWRhQGV4YW1wbGUuY29tIiwiZ3JvdXBzIjpbInN5c3RlbTptYXN0ZXJzIl0sImV4cCI6MjAwMDAwMDAwMCwiY2x1c3RlciI6ImMtMSJ9.czJCyi0Dy_jQkeVu4ccWihWrRg5GspTSVY-NASYXS2c"

func TestSignMakesTheDocumentedToken(t *testing.T) {
	t.Parallel()
	got, err := token.Sign(key, claims)
	if err != nil || got != vector {
		t.Errorf("Sign = %s (%v)\nwant   %s", got, err, vector)
	}
}

func TestVerifyReturnsTheClaimsUntilTheyExpire(t *testing.T) {
	t.Parallel()
	got, err := token.Verify(key, vector, time.Unix(claims.Expires-1, 0))
	if err != nil || got.User != claims.User || got.Cluster != claims.Cluster || len(got.Groups) != 1 {
		t.Errorf("Verify = %+v (%v), want %+v", got, err, claims)
	}
	if _, err := token.Verify(key, vector, time.Unix(claims.Expires, 0)); !errors.Is(err, token.ErrExpired) {
		t.Errorf("in the second of its expiry, Verify = %v, want ErrExpired", err)
	}
}

func TestVerifyRefusesWhatWasNotSigned(t *testing.T) {
	t.Parallel()
	payload, signature, _ := strings.Cut(strings.TrimPrefix(vector, token.Prefix), ".")
	nobody, err := token.Sign(key, token.Claims{Expires: claims.Expires})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ why, bearer string }{
		{"it has another prefix", "dop_v1_" + payload + "." + signature},
		{"it has no signature", token.Prefix + payload},
		{"its signature is empty", token.Prefix + payload + "."},
		{"its signature is cut short", vector[:len(vector)-2]},
		{"its payload was changed", token.Prefix + "e" + payload[2:] + "." + signature},
		{"it is not base64url", token.Prefix + "§." + signature},
		{"it names no user", nobody},
	} {
		_, err := token.Verify(key, row.bearer, time.Unix(0, 0))
		if !errors.Is(err, token.ErrInvalid) {
			t.Errorf("Verify = %v, want ErrInvalid, because %s", err, row.why)
		}
		if err != nil && strings.Contains(err.Error(), payload) {
			t.Errorf("the error for a token of which %s shows the token: %v", row.why, err)
		}
	}
	if _, err := token.Verify(bytes.Repeat([]byte{1}, token.KeySize), vector, time.Unix(0, 0)); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("with another key, Verify = %v, want ErrInvalid", err)
	}
}

func TestReadKeyWantsThirtyTwoBytes(t *testing.T) {
	t.Parallel()
	for text, fine := range map[string]bool{strings.Repeat("2a", 32): true, strings.Repeat("2a", 32) + "\n": true, "2a2a": false, "": false, strings.Repeat("zz", 32): false} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, token.KeyFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := token.ReadKey(dir)
		if fine != (err == nil) || fine && !bytes.Equal(got, key) {
			t.Errorf("ReadKey of %q = %x (%v)", text, got, err)
		}
	}
}
