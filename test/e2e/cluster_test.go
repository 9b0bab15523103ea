// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// cluster METHOD PATH [FILE] asks the script's cluster as kubectl would, by the configuration that `k8or kubeconfig` prints, and prints
// the answer. Whatever is not 2xx is an error. A script that sets CLUSTER_CONFIG asks by that file instead.
func cluster(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: cluster method path [file]")
	}
	file := ts.Getenv("CLUSTER_CONFIG")
	if file == "" {
		ts.Check(ts.Exec("k8or", "kubeconfig", "--sandbox"))
		file = "stdout"
	}
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(ts.ReadFile(file)))
	ts.Check(err)
	if config.ExecProvider != nil {
		for _, name := range []string{"HOME", "PATH"} {
			config.ExecProvider.Env = append(config.ExecProvider.Env, api.ExecEnvVar{Name: name, Value: ts.Getenv(name)})
		}
	}
	client, err := rest.HTTPClientFor(config)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	body := ""
	if len(args) == 3 {
		body = ts.ReadFile(args[2])
	}
	request, err := http.NewRequestWithContext(ctx, args[0], config.Host+args[1], strings.NewReader(body))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/yaml")
	answer, err := client.Do(request)
	ts.Check(err)
	defer answer.Body.Close() //nolint:errcheck // it was read
	raw, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if answer.StatusCode >= 300 {
		ts.Fatalf("%s %s: %s: %s", args[0], args[1], answer.Status, raw)
	}
	ts.Stdout().Write(raw) //nolint:errcheck // the script's own
}
