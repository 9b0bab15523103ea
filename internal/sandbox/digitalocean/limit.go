// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/k8or/k8or/internal/sandbox/clock"
)

// Limits are requests per token, over sliding windows of model time. Zero means what DigitalOcean publishes; negative means none.
type Limits struct {
	Hour   int // 5,000
	Minute int // 250, the burst limit
}

// limiter counts the requests of each token. Windows pass in model time; what it tells callers is in the machine's.
type limiter struct {
	clock  clock.Clock
	limits Limits
	calls  *limiterCalls
}

type limiterCalls struct {
	mu sync.Mutex
	by map[string][]time.Time // within the last hour, oldest first
}

func newLimiter(c clock.Clock, l Limits) limiter {
	if l.Hour == 0 {
		l.Hour = 5000
	}
	if l.Minute == 0 {
		l.Minute = 250
	}
	return limiter{c, l, &limiterCalls{by: map[string][]time.Time{}}}
}

// extraLimits are the published ones of single families, beside those of all requests.
var extraLimits = []struct {
	method, path string // of any method where it is empty; of all paths that begin so
	most         int
	window       time.Duration
}{
	{http.MethodGet, "/v2/account/keys", 10, time.Minute},
	{"", "/v2/cdn/endpoints", 5, 10 * time.Second},
}

// allow counts the request and sets the published headers, or refuses it. A refused request does not count.
func (l limiter) allow(token string, r *http.Request, h http.Header) error {
	l.calls.mu.Lock()
	defer l.calls.mu.Unlock()
	now := l.clock.Now()
	within := since(l.calls.by[token], now.Add(-time.Hour))
	defer func() { l.calls.by[token] = within }()
	if len(within) > 0 && l.limits.Hour > 0 && len(within) >= l.limits.Hour {
		l.headers(h, within, now)
		return fail(http.StatusTooManyRequests, "API Rate limit exceeded.")
	}
	if wait, ok := l.burst(within, l.limits.Minute, time.Minute, now); !ok {
		return l.tooFast(h, within, now, wait)
	}
	for _, x := range extraLimits {
		if l.limits.Minute < 0 || x.method != "" && x.method != r.Method || !strings.HasPrefix(r.URL.Path, x.path) {
			continue
		}
		key := token + " " + x.path
		calls := since(l.calls.by[key], now.Add(-x.window))
		if wait, ok := l.burst(calls, x.most, x.window, now); !ok {
			return l.tooFast(h, within, now, wait)
		}
		l.calls.by[key] = append(calls, now)
	}
	within = append(within, now)
	l.headers(h, within, now)
	return nil
}

// burst says whether one more fits the last window, and otherwise how long until it does.
func (l limiter) burst(calls []time.Time, most int, window time.Duration, now time.Time) (time.Duration, bool) {
	lately := since(calls, now.Add(-window))
	if most < 0 || len(lately) < most {
		return 0, true
	}
	return lately[len(lately)-most].Add(window).Sub(now), false
}

func (l limiter) tooFast(h http.Header, within []time.Time, now time.Time, wait time.Duration) error {
	l.headers(h, within, now)
	seconds := math.Ceil(l.clock.Real(wait).Seconds())
	h.Set("Retry-After", strconv.Itoa(max(1, int(seconds))))
	return fail(http.StatusTooManyRequests, "API rate limit exceeded.")
}

// headers are written in lower case, as DigitalOcean does; HTTP does not care.
func (l limiter) headers(h http.Header, within []time.Time, now time.Time) {
	if l.limits.Hour < 0 {
		return
	}
	reset := l.clock.Wall()
	if len(within) > 0 {
		reset = reset.Add(l.clock.Real(within[0].Add(time.Hour).Sub(now)))
	}
	h.Set("Ratelimit-Limit", strconv.Itoa(l.limits.Hour))
	h.Set("Ratelimit-Remaining", strconv.Itoa(max(0, l.limits.Hour-len(within))))
	h.Set("Ratelimit-Reset", strconv.FormatInt(reset.Unix(), 10))
}

// since drops what is not after a time from a list in order.
func since(times []time.Time, after time.Time) []time.Time {
	i := 0
	for i < len(times) && !times[i].After(after) {
		i++
	}
	return times[i:]
}
