// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/k8or/k8or/internal/secret"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/digitalocean/godo"
)

// DefaultURL is where the API lives unless told otherwise.
const DefaultURL = "https://api.digitalocean.com"

// Options say how to reach the API. Only Token is required.
type Options struct {
	Token secret.Text
	// BaseURL is another place of the API, such as a sandbox's; empty is DefaultURL.
	BaseURL string
	// AuthURL is where token information is asked for; empty is DigitalOcean's own, or BaseURL when that is given.
	AuthURL string
	// SpacesURL is another place of Spaces, in which {{.Region}} stands for a region; empty is DefaultSpacesURL.
	SpacesURL string
	// Transport sends the requests; nil is http.DefaultTransport.
	Transport http.RoundTripper
	// Speed is how much faster than life the cloud is: the limiter's windows and pauses are divided by it. Zero is 1.
	Speed float64
	// UserAgent stands before the SDK's; empty is "k8or".
	UserAgent string
}

// Client makes calls to one account. It is safe for concurrent use; all its users share one rate limiter.
type Client struct {
	godo    *godo.Client
	authURL string
	speed   float64
	// spacesURL is where buckets are, objects the way to them: no token goes there, and its limits are other ones.
	spacesURL string
	objects   http.RoundTripper
	skew      atomic.Int64 // the server's clock minus ours, in nanoseconds, once seen
}

// New makes a client. It makes no call.
func New(o Options) (*Client, error) {
	if o.Token.Empty() {
		return nil, errors.New("there is no DigitalOcean token")
	}
	base := o.BaseURL
	if base == "" {
		base = DefaultURL
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the address of DigitalOcean's API, %q, is not one that begins with https:// or http://", base)
	}
	if !strings.HasSuffix(base, "/") {
		base += "/"
	}
	auth := o.AuthURL
	switch {
	case auth != "":
	case o.BaseURL != "" && u.Hostname() != "api.digitalocean.com":
		auth = base
	default:
		auth = "https://cloud.digitalocean.com/"
	}
	if o.UserAgent == "" {
		o.UserAgent = "k8or"
	}
	// godo's own retries stay off: they would re-send writes.
	g, err := godo.New(&http.Client{Transport: chain(o)}, godo.SetBaseURL(base), godo.SetUserAgent(o.UserAgent))
	if err != nil {
		return nil, fmt.Errorf("set up the client of DigitalOcean's API at %s: %w", base, err)
	}
	speed := o.Speed
	if speed <= 0 {
		speed = 1
	}
	return &Client{godo: g, authURL: strings.TrimSuffix(auth, "/"), speed: speed, spacesURL: cmp.Or(strings.TrimSuffix(o.SpacesURL, "/"), DefaultSpacesURL), objects: plain(o)}, nil
}

// send makes one call and decodes its answer into out, unless out is nil.
func (c *Client) send(ctx context.Context, method, path string, body, out any) error {
	request, err := c.godo.NewRequest(ctx, method, strings.TrimPrefix(path, "/"), body)
	if err != nil {
		return fmt.Errorf("make the request %s %s: %w", method, path, err)
	}
	return c.do(ctx, request, path, out)
}

// do sends a request. The answer is read here and not by the SDK, which forgets an answer's status when it cannot decode it.
func (c *Client) do(ctx context.Context, request *http.Request, path string, out any) error {
	var text bytes.Buffer
	response, err := c.godo.Do(ctx, request, &text)
	if response != nil && response.Response != nil {
		c.tell(response.Header)
	}
	if err == nil && out != nil && response.StatusCode != http.StatusNoContent {
		err = json.Unmarshal(text.Bytes(), out)
	}
	return explain(request.Method, path, response, err, time.Now())
}

// get reads one thing.
func (c *Client) get(ctx context.Context, path string, out any) error {
	return c.send(ctx, http.MethodGet, path, nil, out)
}

// pageSize is the most things that the API puts on a page.
const pageSize = 200

// list reads all pages of a list whose things stand under key.
func list[T any](ctx context.Context, c *Client, path, key string) ([]T, error) {
	all := []T{}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for page := 1; ; page++ {
		var answer map[string]json.RawMessage
		query := separator + "per_page=" + strconv.Itoa(pageSize)
		if page > 1 {
			query += "&page=" + strconv.Itoa(page)
		}
		if err := c.get(ctx, path+query, &answer); err != nil {
			return nil, err
		}
		var things []T
		if raw, ok := answer[key]; ok {
			if err := json.Unmarshal(raw, &things); err != nil {
				return nil, fmt.Errorf("read the list of %s: %w", key, err)
			}
		}
		all = append(all, things...)
		var links godo.Links
		if raw, ok := answer["links"]; ok {
			if err := json.Unmarshal(raw, &links); err != nil {
				return nil, fmt.Errorf("read the links of the list of %s: %w", key, err)
			}
		}
		if links.Pages == nil || links.Pages.Next == "" || len(things) == 0 {
			return all, nil
		}
	}
}

// tell remembers how far the server's clock is from ours: expiries are written and read by the server's.
func (c *Client) tell(header http.Header) {
	if at, err := http.ParseTime(header.Get("Date")); err == nil {
		skew := time.Until(at)
		if skew.Abs() < 5*time.Second {
			skew = 0 // the header has whole seconds, and the way takes time
		}
		c.skew.Store(int64(skew))
	}
}

// now is the server's time, as far as it is known.
func (c *Client) now() time.Time { return time.Now().Add(time.Duration(c.skew.Load())) }

// Now is DigitalOcean's time as far as it is known, by which locks lapse: clocks of machines differ.
func (c *Client) Now() time.Time { return c.now() }

// scaled is a span of the cloud's time in ours.
func (c *Client) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.speed)
}
