// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	crand "crypto/rand"
	"fmt"
	"net/netip"
	"strings"
)

// newUUID returns a version 4 UUID from the cloud's own randomness.
func (c *Cloud) newUUID() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(c.random.UintN(256))
	}
	return uuid(b)
}

func uuid(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// requestID is a UUID too, from the machine's randomness, since it is wanted without the lock.
func (c *Cloud) requestID() string {
	var b [16]byte
	crand.Read(b[:])
	return uuid(b)
}

// newInt returns the next numeric id, shared by Droplets, actions and keys.
func (c *Cloud) newInt() int {
	c.state.LastInt++
	return c.state.LastInt
}

// newName returns n random letters and digits, as in the name of a node.
func (c *Cloud) newName(n int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[c.random.IntN(len(alphabet))])
	}
	return b.String()
}

// newAddress returns a public IPv4 address of the block reserved for benchmarks (RFC 2544), which no network routes.
func (c *Cloud) newAddress() string {
	return netip.AddrFrom4([4]byte{198, byte(18 + c.random.IntN(2)), byte(c.random.IntN(256)), byte(1 + c.random.IntN(254))}).String()
}

// addressIn returns a random address of a network.
func (c *Cloud) addressIn(network string) string {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		return ""
	}
	base := p.Masked().Addr().As4()
	n := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	n += 2 + c.random.Uint32N(1<<(32-p.Bits())-4)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
}
