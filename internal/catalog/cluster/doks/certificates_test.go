// SPDX-License-Identifier: Apache-2.0

package doks

import (
	"errors"
	"strings"
	"testing"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

func TestACertificateOfOnesOwnIsReadFromVariablesAndFiles(t *testing.T) {
	t.Parallel()
	p := product.Platform{
		Env:  func(name string) (string, bool) { return "of " + name, name == "LEAF" },
		File: func(name string) ([]byte, error) { return []byte("of " + name + "\n"), nil },
	}
	leaf, key := &v1alpha1.Secret{From: v1alpha1.From{Env: "LEAF"}}, &v1alpha1.Secret{From: v1alpha1.From{File: "tls.key"}}
	own, err := ownCertificate(p, v1alpha1.Certificate{LeafCertificate: leaf, PrivateKey: key}, "spec.network.certificates.web")
	if err != nil || own.Leaf.Reveal() != "of LEAF" || own.Key.Reveal() != "of tls.key" || !own.Chain.Empty() {
		t.Errorf("it is %q, %q and %q: %v", own.Leaf.Reveal(), own.Key.Reveal(), own.Chain.Reveal(), err)
	}
	_, err = ownCertificate(p, v1alpha1.Certificate{LeafCertificate: leaf, PrivateKey: &v1alpha1.Secret{From: v1alpha1.From{Env: "KEY"}}}, "spec.network.certificates.web")
	var missing *problem.Problem
	if !errors.As(err, &missing) || missing.Path != "spec.network.certificates.web.privateKey" || !strings.Contains(missing.Title, "KEY") {
		t.Errorf("without a key: %v", err)
	}
}
