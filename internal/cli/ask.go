// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"

	"charm.land/huh/v2"

	"github.com/k8or/k8or/internal/problem"
)

// plain reports whether the terminal is one where huh asks line by line, and waits for each line whatever happens.
func (a *app) plain() bool { return a.get("TERM") == "dumb" }

// ask asks a person on the terminal. Whoever leaves before the last answer, by Ctrl-C or a signal, has answered nothing: then it
// is a problem that says what did not happen.
func (a *app) ask(ctx context.Context, undone string, groups ...*huh.Group) error {
	form, plain := huh.NewForm(groups...).WithInput(a.Stdin).WithOutput(a.Stderr), a.plain()
	if plain {
		form = form.WithTheme(huh.ThemeFunc(func(bool) *huh.Styles { return &huh.Styles{} })) // and never a colour
	}
	ended := make(chan error, 1)
	go func() { ended <- form.RunWithContext(ctx) }()
	var err error
	if plain {
		select {
		case err = <-ended:
		case <-ctx.Done():
		}
	} else {
		err = <-ended // the terminal is as it was
	}
	left := ctx.Err() != nil || errors.Is(err, huh.ErrUserAborted) || err == nil && !plain && form.State != huh.StateCompleted
	if left {
		return &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped; " + undone, Cause: errors.Join(err, context.Cause(ctx))}
	}
	return err
}
