// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net"
	"testing"
	"time"
)

func TestSandboxTellsWhereADatabaseAnswers(t *testing.T) {
	t.Parallel()
	b := open(t, Options{Dir: t.TempDir(), Speed: 100})
	status, made := b.call(b.info.Token, "POST", b.info.DigitalOcean+"/v2/databases", `{"name":"orders","engine":"pg","size":"db-s-1vcpu-1gb","region":"nyc3","num_nodes":1}`)
	if status != 201 {
		t.Fatalf("got %d %v", status, made)
	}
	id := made["database"].(map[string]any)["id"].(string)
	b.until(20*time.Second, "the cluster is online", func() bool {
		_, d := b.call(b.info.Token, "GET", b.info.DigitalOcean+"/v2/databases/"+id, "")
		return d["database"].(map[string]any)["status"] == "online"
	})
	ports := b.info.Admin + "/databases/" + id + "/ports"
	for body, want := range map[string]int{`{"source":"ip:203.0.113.7"}`: 200, `{"source":"k8s:none"}`: 400, `{"source":"everybody"}`: 400, `{"from":"me"}`: 400} {
		if status, out := b.call(b.info.AdminToken, "POST", ports, body); status != want {
			t.Errorf("%s: got %d %v, want %d", body, status, out, want)
		}
	}
	if status, out := b.call(b.info.AdminToken, "POST", b.info.Admin+"/databases/none/ports", `{"source":"ip:203.0.113.7"}`); status != 404 {
		t.Errorf("an unknown cluster: got %d %v", status, out)
	}
	_, list := b.call(b.info.AdminToken, "GET", b.info.Admin+"/databases/ports", "")
	all := list["ports"].([]any)
	if len(all) != 1 {
		t.Fatalf("the open ports are %v", all)
	}
	c, err := net.Dial("tcp", all[0].(map[string]any)["address"].(string))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}) //nolint:errcheck // a client that asks for TLS; reading finds a failure
	answer := make([]byte, 1)
	if _, err := c.Read(answer); err != nil || answer[0] != 'S' {
		t.Errorf("it answers %q, %v; want S: TLS it is", answer, err)
	}
}
