// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // {SSHA} is what nginx can check at each request
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

// Callers are the names of those who may come in, sorted, and their passwords or keys as fields of a Secret, each under its
// name. What names the document's field: "auth.basic".
func (e Entry) Callers(p product.Platform, what string, of map[string]v1alpha1.Secret) ([]string, []kube.Field, error) {
	names := slices.Sorted(maps.Keys(of))
	var fields []kube.Field
	for _, name := range names {
		f, err := p.SecretField(name, of[name], v1alpha1.Join(v1alpha1.Join("spec.gateways", e.Name)+"."+what, name), e.Namespace)
		if err != nil {
			return nil, nil, err
		}
		fields = append(fields, f)
	}
	return names, fields, nil
}

// Caller is what a caller is called in the cluster, since its own name may be none that Kubernetes takes.
func Caller(name string) string {
	return fmt.Sprintf("caller-%x", sha256.Sum256([]byte(name)))[:len("caller-")+10]
}

// Htpasswd computes a file of names and salted hashes from fields of passwords. A line that is right stays as it is.
//
// The hash is {SSHA}: it is checked at each request, where a slow one (bcrypt) would hold up nginx. Passwords should
// therefore be long and made up; the file stands in a Secret of the gateway's namespace.
func Htpasswd(users []string) func(fields map[string][]byte, have []byte) ([]byte, error) {
	return func(fields map[string][]byte, have []byte) ([]byte, error) {
		old := map[string]string{}
		for line := range strings.Lines(string(have)) {
			name, hash, _ := strings.Cut(strings.TrimSpace(line), ":")
			old[name] = hash
		}
		var out bytes.Buffer
		for _, user := range users {
			hash := old[user]
			if !matches(hash, fields[user]) {
				var salt [8]byte
				rand.Read(salt[:])
				hash = ssha(fields[user], salt[:])
			}
			fmt.Fprintf(&out, "%s:%s\n", user, hash)
		}
		return out.Bytes(), nil
	}
}

const scheme = "{SSHA}"

func ssha(password, salt []byte) string {
	sum := sha1.Sum(append(slices.Clone(password), salt...)) //nolint:gosec // see Htpasswd
	return scheme + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

func matches(hash string, password []byte) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hash, scheme))
	if err != nil || !strings.HasPrefix(hash, scheme) || len(raw) <= sha1.Size {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(ssha(password, raw[sha1.Size:])), []byte(hash)) == 1
}
