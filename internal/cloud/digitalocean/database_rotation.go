// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/secret"
)

// A user's password is never changed while somebody signs in with it: DigitalOcean's reset_auth makes the old one void at once.
// Users take turns instead. The user of an app is k8or-web, then k8or-web_2, and so on; the newest that is there is the one
// that counts, so that a rotation is remembered by the names alone: made is half done, and whoever comes next, a rotation or an
// up, goes on from there. Those before it go once nobody signs in as them any more. The underscore keeps a user's second turn
// apart from the user of an app "web-2": the names of apps have none.

// turnOf is the name by which a user is known whatever its turn, and the turn: 1 for the first.
func turnOf(name string) (base string, turn int) {
	if i := strings.LastIndexByte(name, '_'); i > 0 {
		if n, err := strconv.Atoi(name[i+1:]); err == nil && n > 1 && strconv.Itoa(n) == name[i+1:] {
			return name[:i], n
		}
	}
	return name, 1
}

// atTurn is a user's name at a turn.
func atTurn(base string, turn int) string {
	if turn < 2 {
		return base
	}
	return base + "_" + strconv.Itoa(turn)
}

// turns are those of a user that are there, oldest first.
func turns(base string, all []databaseUser) []int {
	var out []int
	for _, u := range all {
		if b, turn := turnOf(u.Name); b == base && takesTurns(u.Name) {
			out = append(out, turn)
		}
	}
	slices.Sort(out)
	return out
}

// takesTurns reports whether a user is one that k8or makes for an app: others keep their names.
func takesTurns(name string) bool { return strings.HasPrefix(name, UserPrefix) }

// Rotate asks for another turn of all users of a database cluster that take turns.
func (e *Estate) Rotate(cluster string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rotates[cluster] = map[string]int{}
}

// wantedTurn is the turn of a user that should be there: the newest, or where a rotation is asked for the one after. Where two
// are there already, one is under way, and is only finished. What was wanted first is wanted to the end of the process.
func (e *Estate) wantedTurn(cluster, base string, there []int) int {
	newest := 1
	if len(there) > 0 {
		newest = there[len(there)-1]
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted, ok := e.rotates[cluster]
	if !ok {
		return newest
	}
	if _, known := wanted[base]; !known {
		wanted[base] = newest
		if len(there) == 1 {
			wanted[base]++
		}
	}
	return max(newest, wanted[base])
}

// keepPassword keeps a password that DigitalOcean shows once, for as long as this process runs.
func (e *Estate) keepPassword(cluster string, u databaseUser) {
	if u.Password == "" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.passwords[inDatabase{cluster: cluster, name: u.Name}] = secret.New(u.Password)
}

// shownOnce is such a password.
func (e *Estate) shownOnce(cluster, name string) secret.Text {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.passwords[inDatabase{cluster: cluster, name: name}]
}

// next makes the user's next turn, beside the one that is there.
func (u *DatabaseUser) next(ctx context.Context, c *graph.Call, have graph.Observed[UserOut]) (graph.Observed[UserOut], error) {
	made, err := u.make(ctx, c, u.Database.Read(c), have.Out.next)
	if err != nil {
		return have, err
	}
	return made, nil
}

// Renew gives a user another password, for one that DigitalOcean does not show again and that nobody has: a run was killed
// between the making of the user and the writing of its Secret.
func (u UserOut) Renew(ctx context.Context) (UserOut, error) {
	if u.on == nil {
		return u, nil
	}
	var answer struct {
		User databaseUser `json:"user"`
	}
	if err := u.on.client.send(ctx, http.MethodPost, usersPath(u.Database.ID)+"/"+url.PathEscape(u.Name)+"/reset_auth", map[string]any{}, &answer); err != nil {
		return u, fmt.Errorf("give user %q of database cluster %s a password that is known: %w", u.Name, u.Database.Name, busy(err))
	}
	u.on.keepPassword(u.Database.ID, answer.User)
	u.Password = secret.New(answer.User.Password)
	return u, nil
}
