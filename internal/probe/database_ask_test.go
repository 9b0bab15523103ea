// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/probe"
)

var asking = probe.Spec{Timeout: 30 * time.Second, Database: &probe.Database{Binding: "/probe/db", Ask: true}}

// TestAServerOfSomebodyElsesIsOnlyAsked speaks to servers that refuse, or would show, everything that is written.
func TestAServerOfSomebodyElsesIsOnlyAsked(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	mysql, mongo := &mysqlServer{rights: true}, &mongoServer{rights: true}
	search, _ := opensearch(t, a, http.StatusForbidden)
	for engine, files := range map[string]map[string]string{"MySQL": mysql.listen(t, a), "MongoDB": mongo.listen(t, a), "OpenSearch": search} {
		f, _ := run(t, asking, files)
		wants(t, f, probe.Passed, engine+" let web in and answered; nothing was written")
		files["db/password"] = "wrong-5a4b3c"
		f, _ = run(t, asking, files)
		wants(t, f, probe.Failed, engine+" refuses")
	}
}

func TestAPlainServerWithAPasswordAloneIsAsked(t *testing.T) {
	t.Parallel()
	var said []string
	host, port := serving(t, func(conn net.Conn) error {
		defer conn.Close()
		in := bufio.NewReader(conn)
		for {
			var n int
			if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
				return err
			}
			var words []string
			for range n {
				var word string
				if _, err := fmt.Fscanf(in, "$%d\r\n%s\r\n", new(int), &word); err != nil {
					return err
				}
				words = append(words, word)
			}
			answer := "-ERR\r\n"
			switch line := strings.Join(words, " "); line {
			case "AUTH s3cret":
				answer = "+OK\r\n"
			case "PING":
				answer = "+PONG\r\n"
			default:
				said = append(said, line)
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return err
			}
		}
	})
	spec := asking
	spec.Database = &probe.Database{Binding: "/probe/db", Ask: true, Plain: true}
	f, _ := run(t, spec, map[string]string{"db/type": "valkey", "db/host": host, "db/port": port, "db/username": "", "db/password": "s3cret"})
	wants(t, f, probe.Passed, "Valkey let the app in and answered; nothing was written")
	if len(said) > 0 {
		t.Errorf("it was told %q beside", said)
	}
}
