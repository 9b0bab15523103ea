// SPDX-License-Identifier: Apache-2.0

package dockerregistry

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestAHashStaysWhileThePasswordDoes(t *testing.T) {
	t.Parallel()
	passwords := map[string][]byte{"k8or-pull": []byte("one"), "ci": []byte("two")}
	first, err := htpasswd(passwords, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := htpasswd(passwords, first)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("nothing changed, and the file did (%v): every look at the platform would find something to do", err)
	}
	passwords["ci"] = []byte("three")
	delete(passwords, "gone")
	third, err := htpasswd(passwords, append(second, []byte("gone:x\n")...))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(third)), "\n")
	if len(lines) != 2 || lines[1] != strings.Split(string(first), "\n")[1] {
		t.Errorf("the file has %d users and the password that stayed has another hash, or it has a user who is gone", len(lines))
	}
	_, hash, _ := strings.Cut(lines[0], ":")
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte("three")) != nil {
		t.Error("the new password of ci does not open its hash")
	}
}
