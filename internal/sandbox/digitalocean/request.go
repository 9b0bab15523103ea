// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/sandbox/fault"
)

// request is what a handler gets: the HTTP request, who asks, what they own, and what fault meets it.
type request struct {
	*http.Request
	cloud     *Cloud
	account   *account
	token     Token
	body      []byte
	effect    fault.Effect
	requestID string
	received  time.Time
	kind      string // of an answer that is not JSON
}

type requestKey struct{}

func (q *request) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, q)
}

func requestWithin(r *http.Request) *request { return r.Context().Value(requestKey{}).(*request) }

// decode reads the JSON body into a struct, strictly: 400 when it is no JSON, 422 when a field has the wrong type or is not known.
func (q *request) decode(into any) error {
	if len(bytes.TrimSpace(q.body)) == 0 {
		return fail(http.StatusBadRequest, "The request's body is empty; it must be a JSON object.")
	}
	if !json.Valid(q.body) {
		return fail(http.StatusBadRequest, "The request's body could not be parsed as JSON.")
	}
	d := json.NewDecoder(bytes.NewReader(q.body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return fail(http.StatusBadRequest, "The request's body holds more than one JSON value.")
	}
	return nil
}

// born is the model time of creation; every resource that can be listed embeds it.
type born struct {
	Born    time.Time `json:"born"`    // model time
	Created time.Time `json:"created"` // the machine's time, shown as created_at
}

func (b born) age(now time.Time) time.Duration { return now.Sub(b.Born) }

type aged interface {
	age(now time.Time) time.Duration
}

func (c *Cloud) born() born {
	return born{Born: c.clock.Now(), Created: c.clock.Wall().UTC().Truncate(time.Second)}
}

// visible drops from a list what a stale-list fault hides: everything created less than its model time ago.
func visible[T aged](q *request, all []T) []T {
	if q.effect.Stale == 0 {
		return all
	}
	now := q.cloud.clock.Now()
	var seen []T
	for _, item := range all {
		if item.age(now) >= q.effect.Stale {
			seen = append(seen, item)
		}
	}
	return seen
}

// page answers a list request: the page asked for under key, each item as view shows it, with links and meta as published.
func page[T aged](q *request, key string, all []T, view func(T) any) (any, error) {
	all = visible(q, all)
	number, err := q.pageNumber("page", 1, 1<<31-1)
	if err != nil {
		return nil, err
	}
	size, err := q.pageNumber("per_page", 20, 200)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for i := (number - 1) * size; i < len(all) && i < number*size; i++ {
		items = append(items, view(all[i]))
	}
	last := max(1, (len(all)+size-1)/size)
	return object{key: items, "links": q.links(number, last), "meta": object{"total": len(all)}}, nil
}

func (q *request) pageNumber(name string, otherwise, most int) (int, error) {
	text := q.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fail(http.StatusBadRequest, fmt.Sprintf("%s must be a number from 1 to %d, not %q.", name, most, text))
	}
	return n, nil
}

// links holds only the links that make sense from this page; none at all when everything fits one.
func (q *request) links(number, last int) object {
	pages := object{}
	if number > 1 {
		pages["first"], pages["prev"] = q.pageURL(1), q.pageURL(min(number-1, last))
	}
	if number < last {
		pages["next"], pages["last"] = q.pageURL(number+1), q.pageURL(last)
	}
	if len(pages) == 0 {
		return object{}
	}
	return object{"pages": pages}
}

func (q *request) pageURL(number int) string {
	query := q.URL.Query()
	query.Set("page", strconv.Itoa(number))
	return q.origin() + q.URL.Path + "?" + query.Encode()
}

// origin is the scheme and host by which the caller reached the cloud.
func (q *request) origin() string {
	scheme := q.URL.Scheme
	if scheme == "" {
		scheme = "http"
		if q.TLS != nil {
			scheme = "https"
		}
	}
	return scheme + "://" + q.Host
}
