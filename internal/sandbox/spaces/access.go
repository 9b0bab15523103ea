// SPDX-License-Identifier: Apache-2.0

package spaces

// need is what an operation asks of a key.
type need int

// Needs, from everybody's to the owner's. DigitalOcean publishes no table of the commands that a limited key may use: read is
// taken to mean seeing what is in a bucket, readwrite its objects, and a bucket's own settings take full access.
const (
	fetch need = iota // one object: also without a key, when its ACL says public-read
	list              // what is in a bucket: also without a key, when the bucket's ACL says public-read
	read
	write
	full
	account // full access, and no bucket that has to be there
)

// caller is who asks.
type caller struct {
	anonymous bool
	key       Key
}

// has says whether the key may do this in a bucket.
func (c caller) has(n need, bucket string) bool {
	for _, g := range c.key.Grants {
		switch g.Permission {
		case "fullaccess":
			return true
		case "readwrite":
			if g.Bucket == bucket && n <= write {
				return true
			}
		case "read":
			if g.Bucket == bucket && n <= read {
				return true
			}
		}
	}
	return false
}

// may holds the caller against the bucket's owner, its grants and ACLs.
func (q *call) may(n need) error {
	if n == account {
		if q.who.anonymous || !q.who.has(full, "") {
			return denied("Access Denied: this needs a key with full access")
		}
		return nil
	}
	return q.mayIn(n, q.bucket, q.key, q.query.Get("versionId"))
}

// mayIn is may for any bucket and object, since a copy has two.
func (q *call) mayIn(n need, bucket, key, version string) error {
	s := q.server
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.find(bucket, q.region)
	if err != nil {
		return err
	}
	if !q.who.anonymous && q.who.key.Team == b.Team && q.who.has(n, bucket) {
		return nil
	}
	if n == list && b.ACL == publicRead {
		return nil
	}
	if n == fetch {
		if o := b.object(key, version); o != nil && o.ACL == publicRead {
			return nil
		}
	}
	return denied("Access Denied")
}
