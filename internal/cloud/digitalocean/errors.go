// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"github.com/k8or/k8or/internal/graph"
)

// Provider is how problems name this cloud.
const Provider = "DigitalOcean"

// Causes that callers tell apart, by errors.Is.
var (
	// ErrUnauthorized says that the token is not accepted.
	ErrUnauthorized = errors.New("the token is not accepted")
	// ErrNotFound says that the thing is not there.
	ErrNotFound = errors.New("not found")
	// ErrQuota says that a limit of the account is exhausted.
	ErrQuota = errors.New("a limit of the account is exhausted")
	// ErrNoAnswer says that no answer came.
	ErrNoAnswer = errors.New("no answer")
)

// Error is a call that did not go well.
type Error struct {
	Provider  string // "DigitalOcean"
	Call      string // "POST /v2/vpcs"
	Status    int    // 0 when no answer came
	RequestID string // as DigitalOcean's support asks for it; empty when there was none
	Message   string // the provider's sentence, or what went wrong on the way
	Cause     error  // one of this package's causes, or of the network; may be nil
}

// Error says what was called, what came back, and the request id.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %s", e.Provider, e.Call, e.Message)
	if scope, ok := e.Cause.(*ErrScope); ok && scope.Scope != "" && !strings.Contains(e.Message, scope.Scope) {
		text += "; " + scope.Error()
	}
	switch {
	case e.Status == 0:
		return text
	case e.RequestID == "":
		return fmt.Sprintf("%s (status %d)", text, e.Status)
	default:
		return fmt.Sprintf("%s (status %d, request %s)", text, e.Status, e.RequestID)
	}
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ErrScope is a call that the token may not make.
type ErrScope struct {
	Scope string // "kubernetes:create"; empty when the answer did not name it
}

// Error names the missing scope.
func (e *ErrScope) Error() string {
	if e.Scope == "" {
		return "the token lacks a scope"
	}
	return fmt.Sprintf("the token lacks the scope %s", e.Scope)
}

// ErrRateLimited is a call that was refused, or not even sent, because there were too many.
type ErrRateLimited struct {
	After time.Duration // until there is room again; 0 when nobody said
}

// Error says for how long.
func (e *ErrRateLimited) Error() string {
	if e.After == 0 {
		return "too many calls"
	}
	return fmt.Sprintf("too many calls: there is room again in %s", e.After.Round(time.Second))
}

// statusOf is the status of the answer behind an error, 0 when there was none.
func statusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// says reports whether the provider's sentence holds all these words, in any case.
func says(err error, words ...string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	text := strings.ToLower(e.Message)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// explain turns what a call came to into an error of the right class, or nil.
func explain(method, path string, response *godo.Response, err error, now time.Time) error {
	if err == nil {
		return nil
	}
	path, _, _ = strings.Cut(path, "?")
	e := &Error{Provider: Provider, Call: method + " " + path, Message: err.Error(), Cause: err}
	answer, ok := errors.AsType[*godo.ErrorResponse](err)
	if !ok {
		return unanswered(e, method, response, err)
	}
	e.Status, e.RequestID, e.Message, e.Cause = answer.Response.StatusCode, answer.RequestID, sentence(answer), nil
	return classify(e, method, path, answer.Response.Header, now)
}

// sentence is what the provider says, without the markup of a proxy in between.
func sentence(answer *godo.ErrorResponse) string {
	text := strings.TrimSpace(answer.Message)
	if text == "" || strings.HasPrefix(text, "<") || len(text) > 1000 {
		return strings.ToLower(http.StatusText(answer.Response.StatusCode))
	}
	return text
}

// unanswered classifies a call to which no complete answer came.
func unanswered(e *Error, method string, response *godo.Response, err error) error {
	if held, ok := errors.AsType[*heldBack](err); ok {
		e.Message, e.Cause = held.Error(), &ErrRateLimited{After: held.after}
		return graph.Retry(e, held.after)
	}
	if response != nil && response.Response != nil && response.StatusCode < 300 {
		e.Status, e.RequestID = response.StatusCode, response.Header.Get("X-Request-Id")
		e.Message = "the answer could not be read: " + err.Error()
		if method == http.MethodGet {
			return graph.Retry(e, 0)
		}
		return graph.Uncertain(e)
	}
	e.Message, e.Cause = "no answer: "+reason(err), errors.Join(ErrNoAnswer, err)
	if method == http.MethodGet || neverSent(err) {
		return graph.Retry(e, 0)
	}
	return graph.Uncertain(e)
}

// reason is the innermost sentence of a network error, without method and address, which the call says already.
func reason(err error) string {
	if u, ok := errors.AsType[interface {
		error
		Unwrap() error
		Temporary() bool
	}](err); ok && u.Unwrap() != nil {
		return u.Unwrap().Error()
	}
	return err.Error()
}

// neverSent reports whether no connection came about, so that the call surely was not carried out.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return dns
}

var scopeName = regexp.MustCompile(`\b[a-z][a-z_]*:[a-z_]+\b`)

// classify gives an answer that says no its cause and its class.
func classify(e *Error, method, path string, header http.Header, now time.Time) error {
	switch status := e.Status; {
	case status == http.StatusUnauthorized:
		e.Cause = ErrUnauthorized
		return graph.Permanent(e)
	case status == http.StatusForbidden && says(e, "limit"):
		e.Cause = ErrQuota
		return graph.Permanent(e)
	case status == http.StatusForbidden && says(e, "previous actions"):
		return graph.Retry(e, 0) // a load balancer that is still at work
	case status == http.StatusForbidden:
		if !says(e, "default") && !says(e, "member") { // a VPC that may not go yet answers 403 as well
			scope := scopeName.FindString(e.Message)
			if scope == "" {
				scope = scopeOf(method, path)
			}
			e.Cause = &ErrScope{Scope: scope}
		}
		return graph.Permanent(e)
	case status == http.StatusNotFound:
		e.Cause = ErrNotFound
		return graph.Retry(e, 0) // the next look tells whether it is gone
	case status == http.StatusTooManyRequests:
		after := retryAfter(header, now)
		e.Cause = &ErrRateLimited{After: after}
		return graph.Retry(e, after)
	case status == http.StatusConflict, status == http.StatusPreconditionFailed, status == http.StatusLocked:
		return graph.Retry(e, 0)
	case status >= 500:
		if method == http.MethodGet {
			return graph.Retry(e, 0)
		}
		return graph.Uncertain(e)
	case says(e, "droplet limit"), says(e, "limit", "exceed"), says(e, "limit", "reached"):
		e.Cause = ErrQuota
		return graph.Permanent(e)
	case says(e, "in progress"), says(e, "pending event"), says(e, "try again"):
		return graph.Retry(e, 0)
	default:
		return graph.Permanent(e)
	}
}

// retryAfter is how long the server asks to be left alone: Retry-After on a burst, otherwise until the oldest request of
// the hour is forgotten.
func retryAfter(header http.Header, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if epoch, err := strconv.ParseInt(header.Get("Ratelimit-Reset"), 10, 64); err == nil {
		return min(max(time.Unix(epoch, 0).Sub(now), time.Second), time.Hour)
	}
	return 0
}

// notFound reports whether the thing of a call is not there.
func notFound(err error) bool { return errors.Is(err, ErrNotFound) }

// gone turns "not there" into success, for deletes.
func gone(err error) error {
	if notFound(err) {
		return nil
	}
	return err
}
