// SPDX-License-Identifier: Apache-2.0

package database

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
)

// admit tells a client, in the engine's own protocol where that has a word for it, that nothing is behind this port.
func admit(c net.Conn, engine string, secure func() (*tls.Conn, error)) {
	text := "this " + engine + " cluster is simulated: no server stands behind it"
	if engine == "mysql" || engine == "advanced_mysql" {
		mysqlError(0, 1040, "", text).write(c) //nolint:errcheck // the client went away
		return
	}
	t, err := secure()
	if err != nil {
		return
	}
	defer t.Close()
	switch engine {
	case "valkey", "redis":
		// The first command is read before it is answered, or the client would meet a closed connection.
		if _, err := bufio.NewReader(t).ReadString('\n'); err == nil {
			fmt.Fprintf(t, "-ERR %s\r\n", text)
		}
	case "opensearch":
		if _, err := bufio.NewReader(t).ReadString('\n'); err == nil {
			fmt.Fprintf(t, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n", len(text)+1, text)
		}
	default:
		fmt.Fprintln(t, text)
	}
}
