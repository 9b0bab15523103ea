// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
)

func TestANameLeadsToTheLoadBalancer(t *testing.T) {
	t.Parallel()
	records := map[string]string{"shop.example.com.": "198.51.100.7", "old.example.com.": "203.0.113.9"}
	for _, c := range []struct{ name, want, fails string }{
		{name: "shop.example.com", want: "198.51.100.7"},
		{name: "old.example.com", want: "198.51.100.7", fails: "leads to 203.0.113.9, and the load balancer is 198.51.100.7"},
		{name: "none.example.com", want: "198.51.100.7", fails: "nobody knows the name none.example.com"},
		{name: "shop.example.com", want: "", fails: "is not one"},
	} {
		t.Run(c.name+" "+c.want, func(t *testing.T) {
			t.Parallel()
			f := Run(t.Context(), Spec{DNS: &DNS{Name: c.name, Address: c.want, Server: nameServer(t, records)}}, fstest.MapFS{}, t.Output())
			if c.fails == "" && f.State != Passed || c.fails != "" && (f.State != Failed || !strings.Contains(f.Message, c.fails)) {
				t.Errorf("got %s %q, want it to say %q", f.State, f.Message, c.fails)
			}
		})
	}
}

// nameServer answers questions for A records over UDP (RFC 1035), and says of all other names that there are none.
func nameServer(t *testing.T, records map[string]string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for {
			b := make([]byte, 512)
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return // the test is over
			}
			conn.WriteTo(named(b[:n], records), from) //nolint:errcheck // the client tells
		}
	}()
	return conn.LocalAddr().String()
}

func named(question []byte, records map[string]string) []byte {
	const header = 12
	end, name := header, ""
	for question[end] != 0 {
		label := int(question[end])
		name += string(question[end+1:end+1+label]) + "."
		end += 1 + label
	}
	wants := binary.BigEndian.Uint16(question[end+1:])
	end += 5 // the root, type and class
	out := bytes.Clone(question[:end])
	copy(out[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer, recursion available; one question
	address, known := records[name]
	switch {
	case !known:
		out[3] |= 3 // no such name
	case wants == 1:
		out[7] = 1
		out = append(out, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		out = append(out, netip.MustParseAddr(address).AsSlice()...)
	}
	return out
}
