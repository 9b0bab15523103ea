// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTransportCallsTheHandlerDirectly(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, r.Host+r.URL.Path+string(body))
	}))}
	answer, err := client.Post("https://api.example.com/a", "text/plain", strings.NewReader("!"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); string(text) != "api.example.com/a!" || answer.StatusCode != http.StatusTeapot {
		t.Errorf("got %d %s", answer.StatusCode, text)
	}
}

func TestDroppedAnswerIsAnError(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))}
	answer, err := client.Get("https://api.example.com/a")
	if err == nil {
		answer.Body.Close()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want an unexpected EOF", err)
	}
}

func TestEndedContextIsTheErrorEvenWhenTheHandlerDidItsWork(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	worked := false
	client := &http.Client{Transport: Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { worked = true; cancel() }))}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example.com/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		answer, err := client.Do(r)
		if err == nil {
			answer.Body.Close()
		}
		if !errors.Is(err, context.Canceled) || !worked {
			t.Errorf("got %v, worked %v", err, worked)
		}
	}
}
