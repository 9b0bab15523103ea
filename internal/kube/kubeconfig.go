// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig writes a kubectl configuration in which command, run with args, gives the token each time one is needed.
// The configuration itself holds none.
func Kubeconfig(name, server string, ca []byte, command string, args []string) ([]byte, error) {
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &api.AuthInfo{Exec: &api.ExecConfig{
		APIVersion:      clientauthenticationv1.SchemeGroupVersion.String(),
		Command:         command,
		Args:            args,
		InteractiveMode: api.NeverExecInteractiveMode,
		InstallHint:     "k8or gives this cluster's short-lived tokens: put it into your PATH",
	}}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("write kubectl configuration for %s: %w", name, err)
	}
	return raw, nil
}

// ExecCredential is what an exec plugin prints for kubectl. It holds the token: print it to kubectl and to nobody else.
func ExecCredential(c Credentials) ([]byte, error) {
	out := clientauthenticationv1.ExecCredential{
		TypeMeta: metav1.TypeMeta{APIVersion: clientauthenticationv1.SchemeGroupVersion.String(), Kind: "ExecCredential"},
		Status:   &clientauthenticationv1.ExecCredentialStatus{Token: c.Token},
	}
	if !c.Expires.IsZero() {
		out.Status.ExpirationTimestamp = &metav1.Time{Time: c.Expires.Truncate(time.Second)}
	}
	return json.Marshal(out)
}
