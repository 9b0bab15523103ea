// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// api is the cloud as its own hands see it: JSON in, JSON out.
type api struct{ client *http.Client }

// refusal is an answer of 400 and above.
type refusal struct {
	Status  int
	Message string `json:"message"`
}

// Error is the cloud's own message.
func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.Status, r.Message) }

// call sends a body, when there is one, and reads the answer into a value, when one is given.
func (a api) call(ctx context.Context, method, path string, body, into any) error {
	var text io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, "https://api.digitalocean.com"+path, text)
	if err != nil {
		return err
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode >= 400 {
		no := &refusal{Status: answer.StatusCode}
		json.Unmarshal(data, no) //nolint:errcheck // then there is no message
		return fmt.Errorf("%s %s: %w", method, path, no)
	}
	if into == nil || len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, into)
}
