// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"net/http"
	"strings"
)

// failure is an answer that says no. The id in its body follows from the status, as published.
type failure struct {
	status  int
	message string
	header  map[string]string
}

// Error is the message that the caller reads.
func (f *failure) Error() string { return f.message }

func (f *failure) id() string {
	switch f.status {
	case http.StatusInternalServerError:
		return "server_error"
	case http.StatusUnprocessableEntity:
		return "unprocessable_entity"
	}
	return strings.ReplaceAll(strings.ToLower(http.StatusText(f.status)), " ", "_")
}

func fail(status int, message string) *failure { return &failure{status: status, message: message} }

// invalid is 422: the request is understood, and its values can't be.
func invalid(format string, args ...any) *failure {
	return fail(http.StatusUnprocessableEntity, fmt.Sprintf(format, args...))
}

// notFound is 404 with the published sentence.
func notFound() *failure {
	return fail(http.StatusNotFound, "The resource you requested could not be found.")
}

// conflict is 409.
func conflict(format string, args ...any) *failure {
	return fail(http.StatusConflict, fmt.Sprintf(format, args...))
}
