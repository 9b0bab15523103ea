// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"fmt"
	"strings"
	"testing"
)

func TestAgentsMountNothingButTheAuthorityThatTheyBelieve(t *testing.T) {
	t.Parallel()
	to := Target{Host: "fluentd.logging.svc", Port: 24224, TLS: true, Key: "forward", CA: "forward"}
	got := fmt.Sprint(authority(to))
	if !strings.Contains(got, "secretName:forward") || !strings.Contains(got, "key:ca.crt") || strings.Contains(got, "tls.key") {
		t.Errorf("the agents mount %s", got)
	}
	text := Config(nil, "logging", to)
	if !strings.Contains(text, authorityFolder+"/ca.crt") || !strings.Contains(got, "mountPath:"+authorityFolder) {
		t.Errorf("the agents look for their authority elsewhere than it is mounted:\n%s", text)
	}
	public := Target{Host: "logs.example.com", Port: 24224, TLS: true}
	if authority(public) != nil || strings.Contains(Config(nil, "logging", public), "ca_file") {
		t.Error("a Fluentd whose certificate the world trusts needs no authority of ours")
	}
}
