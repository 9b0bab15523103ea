// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
)

// LockTTL is how long a lock holds without being renewed.
const LockTTL = 5 * time.Minute

// lockLag is how long the list of tags may not show a new one, in the cloud's time.
const lockLag = 3 * time.Second

// lockTries is how often two that came at the same time step back and try again.
const lockTries = 5

// Lock makes one run the only writer of a platform, among those that use it, by a tag that says holder and expiry:
// `k8or-lock:shop-x7k2p9:anna-laptop-3f9a:1795590000`. DigitalOcean has no compare-and-swap; two who come at the same time
// see one another's tags once those show, and both step back.
type Lock struct {
	client *Client
	prefix string
	holder string
	dead   func(string) bool
	tag    string // mine, while I hold it
}

var _ graph.Lock = (*Lock)(nil)

// NewLock is a lock of the platform for a holder, such as user, machine and process. Dead, which may be nil, says of a
// holder that it surely ended without letting go, such as a killed process of this machine: its lock counts as lapsed.
// What tags cannot say is replaced, and a few random digits tell two runs of one holder apart.
func NewLock(client *Client, mark Mark, holder string, dead func(holder string) bool) *Lock {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, holder)
	clean = strings.Trim(clean[:min(len(clean), 80)], "-")
	return &Lock{client: client, dead: dead, prefix: "k8or-lock:" + mark.String() + ":", holder: clean + "-" + strings.ToLower(rand.Text()[:4])}
}

// lockTag is one lock among the tags.
type lockTag struct {
	tag, holder string
	until       time.Time
}

// read reads a tag as a lock of this platform, and says whether it is live. A tag under the prefix that cannot be read
// counts as lapsed.
func (l *Lock) read(tag string) (k lockTag, live, ok bool) {
	rest, ok := cutPrefixFold(tag, l.prefix)
	if !ok {
		return lockTag{}, false, false
	}
	holder, expiry, _ := strings.Cut(rest, ":")
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	k = lockTag{tag: tag, holder: holder, until: time.Unix(seconds, 0)}
	return k, err == nil && k.until.After(l.client.now()) && !(l.dead != nil && l.dead(holder)), true
}

// left reports whether a tag is a lock that somebody left behind: one that has lapsed, or in a teardown any but mine, so
// that a platform is not said to be gone while a lock of it is there.
func (l *Lock) left(tag string, teardown bool) bool {
	if l == nil {
		return false
	}
	k, live, ok := l.read(tag)
	return ok && !strings.EqualFold(k.holder, l.holder) && (!live || teardown)
}

// held lists the platform's locks.
func (l *Lock) held(ctx context.Context) (live, lapsed []lockTag, err error) {
	tags, err := list[godo.Tag](ctx, l.client, "/v2/tags", "tags")
	if err != nil {
		return nil, nil, fmt.Errorf("look for locks of this platform: %w", err)
	}
	for _, t := range tags {
		switch k, alive, ok := l.read(t.Name); {
		case ok && alive:
			live = append(live, k)
		case ok:
			lapsed = append(lapsed, k)
		}
	}
	return live, lapsed, nil
}

// others are the live locks of other holders, and whether mine is among them.
func (l *Lock) others(live []lockTag) (others []lockTag, mine bool) {
	for _, k := range live {
		if strings.EqualFold(k.holder, l.holder) {
			mine = mine || strings.EqualFold(k.tag, l.tag)
		} else {
			others = append(others, k)
		}
	}
	return others, mine
}

// Holder is who takes the lock, as its tag says it.
func (l *Lock) Holder() string { return l.holder }

// Rival is a live lock of somebody else, nil when there is none. Lapsed ones are taken away.
func (l *Lock) Rival(ctx context.Context) (*graph.ErrLocked, error) {
	live, lapsed, err := l.held(ctx)
	if err != nil {
		return nil, err
	}
	if others, _ := l.others(live); len(others) > 0 {
		return &graph.ErrLocked{Holder: others[0].holder, Until: others[0].until}, nil
	}
	for _, k := range lapsed {
		_ = l.remove(ctx, k.tag) // somebody died; whoever comes next tries again
	}
	return nil, nil
}

// Show puts my tag, whatever others stand there: for who holds a lock in another place already and answers those that can
// only see tags.
func (l *Lock) Show(ctx context.Context) error {
	_, err := l.put(ctx)
	return err
}

// Acquire takes the lock, or says who holds it.
func (l *Lock) Acquire(ctx context.Context) (time.Time, error) {
	for try := 1; ; try++ {
		other, err := l.Rival(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if other != nil {
			return time.Time{}, other
		}
		until, err := l.put(ctx)
		if err != nil {
			return time.Time{}, err
		}
		rival, err := l.alone(ctx)
		if err == nil && rival == nil {
			return until, nil
		}
		err = errors.Join(err, l.Release(context.WithoutCancel(ctx)))
		if err != nil {
			return time.Time{}, err
		}
		if try == lockTries {
			return time.Time{}, &graph.ErrLocked{Holder: rival.holder, Until: rival.until}
		}
		if err := pause(ctx, l.client.scaled(time.Second+mathrand.N(5*time.Second))); err != nil {
			return time.Time{}, err
		}
	}
}

// put writes my tag.
func (l *Lock) put(ctx context.Context) (time.Time, error) {
	until := l.client.now().Add(LockTTL).Truncate(time.Second)
	tag := l.prefix + l.holder + ":" + strconv.FormatInt(until.Unix(), 10)
	if err := l.client.send(ctx, http.MethodPost, "/v2/tags", map[string]string{"name": tag}, nil); err != nil {
		_ = l.remove(context.WithoutCancel(ctx), tag) // it may be there all the same
		return time.Time{}, fmt.Errorf("take the lock of this platform: %w", err)
	}
	l.tag = tag
	return until.Add(-time.Duration(l.client.skew.Load())), nil
}

// alone waits until my tag shows, and a lag more, and then says whether another one stands beside it.
func (l *Lock) alone(ctx context.Context) (rival *lockTag, err error) {
	for shown, waited := false, time.Duration(0); ; {
		wait := l.client.scaled(lockLag)
		if !shown {
			wait /= 3
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
		waited += wait
		live, _, err := l.held(ctx)
		if err != nil {
			return nil, err
		}
		others, mine := l.others(live)
		switch {
		case len(others) > 0:
			return &others[0], nil
		case mine && shown:
			return nil, nil
		case !mine && waited > l.client.scaled(20*lockLag):
			return nil, fmt.Errorf("the lock of this platform, tag %s, does not show in the list of tags: try again in a minute", l.tag)
		}
		shown = mine
	}
}

// Renew prolongs the lock by a new tag, and takes the old one away.
func (l *Lock) Renew(ctx context.Context) (time.Time, error) {
	live, _, err := l.held(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if others, mine := l.others(live); len(others) > 0 && !mine {
		return time.Time{}, &graph.ErrLocked{Holder: others[0].holder, Until: others[0].until}
	}
	old := l.tag
	until, err := l.put(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if old != l.tag {
		_ = l.remove(ctx, old) // it lapses by itself
	}
	return until, nil
}

// Release takes my tag away. A lock that has lapsed is let go as well.
func (l *Lock) Release(ctx context.Context) error {
	if l.tag == "" {
		return nil
	}
	if err := l.remove(ctx, l.tag); err != nil {
		return fmt.Errorf("let go of the lock of this platform: %w", err)
	}
	l.tag = ""
	return nil
}

func (l *Lock) remove(ctx context.Context, tag string) error {
	if tag == "" {
		return nil
	}
	return gone(l.client.send(ctx, http.MethodDelete, "/v2/tags/"+tag, nil, nil))
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
