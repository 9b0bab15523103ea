// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/companion"
	"github.com/k8or/k8or/internal/document"
	"github.com/k8or/k8or/internal/event"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/platform"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/secret"
)

// opened is a document with its clouds, ready for a verb.
type opened struct {
	doc *document.Document
	*platform.Platform
	// newUID is set while the document has no uid: the one it will get.
	newUID    string
	log       *event.Log
	selection graph.Selection
	lose      []string
}

// open loads the document and connects it with its clouds, simulated or real.
func (a *app) open(ctx context.Context) (*opened, error) {
	doc, err := a.load()
	if err != nil {
		return nil, err
	}
	return a.connect(ctx, doc)
}

// openAny is open for verbs that need to know no more than which platform it is. Of a document that is not valid it takes
// the identity, and gives what is wrong with the rest as warnings.
func (a *app) openAny(ctx context.Context) (*opened, problem.List, error) {
	doc, wrong, err := document.Identify(platform.Available(), a.documents()...)
	if err != nil {
		return nil, nil, err
	}
	if len(wrong) == 0 {
		wrong = problem.All(platform.Check(doc))
	}
	for _, p := range wrong {
		p.Warning = true
	}
	o, err := a.connect(ctx, doc)
	return o, wrong, err
}

// warn tells what does not keep a verb from its work.
func (a *app) warn(wrong problem.List, format string, args ...any) {
	if len(wrong) == 0 || a.output != "text" {
		return
	}
	io.WriteString(a.Stderr, wrong.Text(a.style(a.StderrTerminal).Colour)) //nolint:errcheck // nobody listens
	fmt.Fprintf(a.Stderr, format+"\n\n", args...)
}

// connect connects a document with its clouds, simulated or real.
func (a *app) connect(ctx context.Context, doc *document.Document) (*opened, error) {
	o := &opened{doc: doc, log: &event.Log{}, selection: a.selection, lose: a.lose}
	if doc.Platform.Metadata.UID == "" {
		var err error
		if o.newUID, err = v1alpha1.NewUID(rand.Reader); err != nil {
			return nil, err
		}
	}
	token, speed, err := a.token(ctx)
	if err != nil {
		return nil, err
	}
	if o.Platform, err = platform.New(a.platformOptions(o, token, speed)); err == nil {
		a.opened = append(a.opened, o)
	}
	return o, err
}

// connectOffline is for what can be told of a document without asking any cloud.
func (a *app) connectOffline(doc *document.Document) (*opened, error) {
	o := &opened{doc: doc, log: &event.Log{}, selection: a.selection, lose: a.lose}
	options := a.platformOptions(o, digitalocean.Token{}, 1)
	options.Offline = true
	var err error
	o.Platform, err = platform.New(options)
	return o, err
}

func (a *app) platformOptions(o *opened, token digitalocean.Token, speed float64) platform.Options {
	var debug func(string)
	if a.debug {
		debug = func(line string) { fmt.Fprintln(a.Stderr, "debug:", line) }
	}
	return platform.Options{Debug: debug,
		Document: o.doc, UID: o.newUID, Token: token, Sandbox: a.sandbox, Speed: speed,
		ChartsDir: cmp.Or(a.chartsDir, a.get("K8OR_CHARTS")), CacheDir: a.cacheDir(), Selection: a.selection, Lose: a.lose, Rotate: a.rotate, Holder: holder(), Dead: dead, Log: o.log, Env: a.Getenv,
	}
}

// token is the sandbox's, or the person's own.
func (a *app) token(ctx context.Context) (digitalocean.Token, float64, error) {
	if a.sandbox {
		s, err := a.startBox(ctx, companion.StartOptions{Speed: defaultSpeed})
		if err != nil {
			return digitalocean.Token{}, 0, err
		}
		return digitalocean.Token{Value: secret.New(s.Token), Source: "the sandbox", APIURL: s.DigitalOcean, SpacesURL: s.Spaces}, s.Speed, nil
	}
	token, err := digitalocean.FindToken(digitalocean.TokenPlaces{Getenv: a.get})
	if missing, ok := errors.AsType[*digitalocean.ErrNoToken](err); ok {
		return token, 0, &problem.Problem{Code: problem.NoToken, Kind: problem.NotAllowed, Title: "there is no DigitalOcean token", Why: "none is in " + strings.Join(missing.Looked, ", "),
			Fix: "no account yet? https://cloud.digitalocean.com/registrations/new\n" +
				"with one: make a token at https://cloud.digitalocean.com/account/api/tokens and export DIGITALOCEAN_ACCESS_TOKEN\n" +
				"just looking: add --sandbox, which needs neither", Cause: err}
	}
	return token, 1, err
}

// identify makes sure that the document can carry its identity before anything is made, and writes it after the approval,
// unless a person has said stop since.
func (a *app) identify(ctx context.Context, o *opened, teamID string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var edits []document.Edit
	if o.newUID != "" {
		edits = append(edits, document.Edit{Path: "metadata.uid", Value: o.newUID})
	}
	if o.doc.Platform.Spec.Account == "" && !a.sandbox && teamID != "" {
		edits = append(edits, document.Edit{Path: "spec.account", Value: teamID})
	}
	if len(edits) == 0 {
		return nil
	}
	return o.doc.Insert(edits...)
}

// identifiable refuses a document without uid where nobody would commit the one that is written.
func (a *app) identifiable(o *opened) error {
	if o.newUID == "" {
		return nil
	}
	if _, ci := a.Getenv("CI"); ci && !a.sandbox {
		return &problem.Problem{Code: problem.NoIdentity, Kind: problem.Usage, Title: "the document has no uid, and in CI nobody would keep one",
			Why: "the next run would not find what this one makes", Fix: "run `k8or init --uid` where the document is, and commit it"}
	}
	if err := o.doc.Writable(); err != nil {
		return fmt.Errorf("the document has no uid yet, and up writes one before it makes anything: %w", err)
	}
	return nil
}

// explain turns an error into what a person is told.
func explain(err error) problem.List { return problem.All(err) }
