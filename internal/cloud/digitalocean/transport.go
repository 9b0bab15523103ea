// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/k8or/k8or/internal/secret"
)

// requestTimeout bounds one request, its answer's body included. It is not divided by a sandbox's speed.
const requestTimeout = 60 * time.Second

// The limiter's share of the published limits, 250 a minute and 5,000 an hour over sliding windows: a bucket never lets
// through more than its burst and what trickles in within a window (120+2*60 = 240; 600+3600*1.2 = 4,920).
const (
	minuteBurst, minuteRate = 120, 2.0
	hourBurst, hourRate     = 600, 1.2
)

// longestHold is how long a request waits here for its turn. When it takes longer, the engine is told when to come back.
const longestHold = 20 * time.Second

// chain builds the way of a request: try again if it is a read, wait for its turn, put a limit to it, sign it, send it.
func chain(o Options) http.RoundTripper {
	next := o.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	speed := o.Speed
	if speed <= 0 {
		speed = 1
	}
	signed := authorized{next: next, token: o.Token}
	limited := &limiter{
		next: timed{next: signed}, speed: speed,
		minute: rate.NewLimiter(rate.Limit(minuteRate*speed), minuteBurst),
		hour:   rate.NewLimiter(rate.Limit(hourRate*speed), hourBurst),
	}
	return again{next: limited, pause: time.Duration(float64(250*time.Millisecond) / speed)}
}

// plain is the way of a request that the token has nothing to do with: try again if it is a read, put a limit to it, send it.
func plain(o Options) http.RoundTripper {
	next := o.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	return again{next: timed{next: next}, pause: time.Duration(float64(250*time.Millisecond) / max(o.Speed, 1))}
}

// authorized signs requests.
type authorized struct {
	next  http.RoundTripper
	token secret.Text
}

// RoundTrip signs and sends one request.
func (t authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+t.token.Reveal())
	return t.next.RoundTrip(r)
}

// timed puts a limit to each request.
type timed struct{ next http.RoundTripper }

// RoundTrip sends one request and gives up on it after requestTimeout.
func (t timed) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(r.Context(), requestTimeout, fmt.Errorf("none came within %s", requestTimeout))
	response, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel()
		return nil, err
	}
	response.Body = cancelling{response.Body, cancel}
	return response, nil
}

// cancelling is a body whose end ends the request's context.
type cancelling struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close ends the request.
func (b cancelling) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// heldBack is a request that was not sent, because the limits leave no room for it soon.
type heldBack struct{ after time.Duration }

// Error says for how long.
func (e *heldBack) Error() string {
	return fmt.Sprintf("held back for %s to stay within the rate limit", e.after.Round(time.Second))
}

// limiter is the one gate of a token. It keeps its own count and listens to the server's, since others may use the same
// token.
type limiter struct {
	next         http.RoundTripper
	speed        float64
	minute, hour *rate.Limiter

	mu     sync.Mutex
	closed time.Time // nothing is sent before
}

// RoundTrip waits for the request's turn and sends it.
func (l *limiter) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := l.wait(r.Context()); err != nil {
		return nil, err
	}
	response, err := l.next.RoundTrip(r)
	if err == nil {
		l.listen(response)
	}
	return response, err
}

func (l *limiter) wait(ctx context.Context) error {
	now := time.Now()
	l.mu.Lock()
	until := l.closed
	l.mu.Unlock()
	if wait := until.Sub(now); wait > longestHold {
		return &heldBack{wait}
	}
	minute, hour := l.minute.ReserveN(now, 1), l.hour.ReserveN(now, 1)
	wait := max(until.Sub(now), minute.DelayFrom(now), hour.DelayFrom(now))
	if wait > longestHold {
		minute.CancelAt(now)
		hour.CancelAt(now)
		return &heldBack{wait}
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &heldBack{wait} // it was never sent
	}
}

// listen heeds what the server says about the token's limits.
func (l *limiter) listen(response *http.Response) {
	now := time.Now()
	var pause time.Duration
	if response.StatusCode == http.StatusTooManyRequests {
		pause = retryAfter(response.Header, now)
	} else if left, err := strconv.Atoi(response.Header.Get("Ratelimit-Remaining")); err == nil && left == 0 {
		pause = retryAfter(response.Header, now)
	}
	if pause <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := now.Add(pause); until.After(l.closed) {
		l.closed = until
	}
}

// again sends a read once more when no answer came, the server failed or the token's calls were too many. Writes are never re-sent.
type again struct {
	next  http.RoundTripper
	pause time.Duration // before it; the limiter heeds what the server says of limits
}

// RoundTrip sends a request, and a read a second time if need be.
func (t again) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if r.Method != http.MethodGet || err == nil && response.StatusCode < 500 && response.StatusCode != http.StatusTooManyRequests || r.Context().Err() != nil {
		return response, err
	}
	if _, held := errors.AsType[*heldBack](err); held {
		return response, err
	}
	timer := time.NewTimer(t.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		return response, err
	}
	if err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4096))
		_ = response.Body.Close()
	}
	return t.next.RoundTrip(r)
}
