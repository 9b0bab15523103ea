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

// page is questions that are asked together.
type page struct {
	questions *huh.Group
	moot      func() bool // whether earlier answers leave nothing to ask; nil for never
}

func (p page) isMoot() bool { return p.moot != nil && p.moot() }

func (a *app) form(groups ...*huh.Group) *huh.Form {
	return huh.NewForm(groups...).WithInput(a.Stdin).WithOutput(a.Stderr)
}

// askPlainly asks each page by a form of its own, since huh hides none where it asks line by line.
func (a *app) askPlainly(ctx context.Context, pages []page) error {
	for _, p := range pages {
		if p.isMoot() {
			continue
		}
		form := a.form(p.questions).WithTheme(huh.ThemeFunc(func(bool) *huh.Styles { return &huh.Styles{} })) // and never a colour
		if err := form.RunWithContext(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ask asks a person on the terminal. Whoever leaves before the last answer, by Ctrl-C or a signal, has answered nothing: then it
// is a problem that says what did not happen.
func (a *app) ask(ctx context.Context, undone string, pages ...page) error {
	var err error
	left := false
	if a.plain() {
		ended := make(chan error, 1)
		go func() { ended <- a.askPlainly(ctx, pages) }()
		select {
		case err = <-ended:
		case <-ctx.Done():
		}
	} else {
		var groups []*huh.Group
		for _, p := range pages {
			groups = append(groups, p.questions.WithHideFunc(p.isMoot))
		}
		form := a.form(groups...)
		err = form.RunWithContext(ctx) // the terminal is as it was
		left = err == nil && form.State != huh.StateCompleted
	}
	if left || ctx.Err() != nil || errors.Is(err, huh.ErrUserAborted) {
		return &problem.Problem{Code: problem.Stopped, Kind: problem.Interrupted, Title: "stopped; " + undone, Cause: errors.Join(err, context.Cause(ctx))}
	}
	return err
}
