// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/chart"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// explainAll tells a person what an error means: what failed, where, why, and what to do next.
func (p *Platform) explainAll(err error) problem.List {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && !isProblem(err) {
		var list problem.List
		for _, e := range joined.Unwrap() {
			if !errors.Is(e, graph.ErrIncomplete) || len(joined.Unwrap()) == 1 {
				list = append(list, p.explainNew(list, e)...)
			}
		}
		return list
	}
	return problem.List{p.explain(err)}
}

// wide are causes of everything that fails with them: of too many calls, or a cluster out of reach, each step has words of its own.
var wide = map[problem.Code]bool{problem.RateLimited: true, problem.ClusterOutOfReach: true}

// explainNew leaves out what was said already: one cause often stops many nodes.
func (p *Platform) explainNew(said problem.List, err error) problem.List {
	var list problem.List
	for _, pr := range p.explainAll(err) {
		again := false
		for _, s := range said {
			same := s.Why == pr.Why && s.Path == pr.Path && s.Code != problem.StepFailed
			again = again || s.Code == pr.Code && (same || wide[s.Code])
		}
		if !again {
			list = append(list, pr)
		}
	}
	return list
}

func isProblem(err error) bool {
	switch err.(type) {
	case *problem.Problem, problem.List:
		return true
	}
	return false
}

func (p *Platform) explain(err error) *problem.Problem {
	if known, ok := errors.AsType[*problem.Problem](err); ok {
		if known.Path != "" && known.Place == nil {
			p.given.At(known.Path, known)
		}
		return known
	}
	pr := &problem.Problem{Code: problem.StepFailed, Title: err.Error(), Cause: err, Fix: "mend the cause and run the same command again: what is done stays done"}
	if at, ok := errors.AsType[*graph.ErrAt](err); ok {
		pr.Title, pr.Why = cameToNothing(at), at.Err.Error()
	}
	if e, ok := errors.AsType[*digitalocean.Error](err); ok {
		pr.Call = &problem.Call{Provider: e.Provider, Call: e.Call, Status: e.Status, RequestID: e.RequestID}
		pr.Why = e.Message
		p.explainCall(pr, e, err)
	}
	if e, ok := errors.AsType[*graph.ErrRefused](err); ok {
		pr.Code, pr.Kind, pr.Why, pr.Fix = problem.NotChangeable, problem.Preflight, e.Change.Note, "write it back as it was"
		pr.Title = fmt.Sprintf("%s cannot change from %s to %s", e.Change.Path, e.Change.Before, e.Change.After)
		if at, ok := errors.AsType[*graph.ErrAt](err); ok {
			pr.Title = string(at.Node) + ": " + pr.Title
		}
	}
	switch {
	case errors.Is(err, digitalocean.ErrQuota):
		pr.Code, pr.Kind, pr.Fix = problem.OverLimit, problem.Preflight, "ask DigitalOcean to raise the limit (https://cloud.digitalocean.com/account/team/droplet_limit_increase), or make the pools smaller"
		if limit, ok := errors.AsType[*digitalocean.ErrDropletLimit](err); ok {
			pr.Title = "the node pools need more Droplets than the account may have"
			pr.Why = limit.Error()
			p.given.At("spec.cluster.nodePools", pr)
		}
		if limit, ok := errors.AsType[*digitalocean.ErrReservedIPLimit](err); ok {
			pr.Title, pr.Why = "more addresses are to be reserved than the account may have", limit.Error()
			pr.Fix = "ask DigitalOcean to raise the limit (https://cloud.digitalocean.com/account/team/droplet_limit_increase), or reserve fewer"
		}
	case errors.Is(err, graph.ErrProtected):
		pr.Code, pr.Kind, pr.Title, pr.Why = problem.Protected, problem.Preflight, "what is protected from deletion was to be deleted", pr.Title+": "+pr.Why
		pr.Fix = "if it may go, write deletionProtection: false, run `k8or up`, and try again"
	case errors.Is(err, graph.ErrStranger):
		pr.Code, pr.Kind, pr.Why = problem.NameTaken, problem.Preflight, err.Error()
		pr.Fix = "rename or remove it, or give this platform another name; k8or touches nothing that it did not make"
	case errors.Is(err, graph.ErrUnreachable):
		pr.Code, pr.Kind, pr.Title = problem.ClusterOutOfReach, problem.Preflight, "the cluster's API cannot be reached from this machine"
		pr.Fix = "add this machine's address to spec.cluster.controlPlaneAccess.allow and run again, or run k8or where it is allowed"
		if p.given.Has("spec.cluster.controlPlaneAccess") {
			return p.given.At("spec.cluster.controlPlaneAccess.allow", pr)
		}
	}
	p.explainOthers(pr, err)
	return pr
}

// cameToNothing says what did not come about.
func cameToNothing(at *graph.ErrAt) string {
	switch {
	case at.Listed != "":
		return listOf(at.Listed) + " could not be read"
	case at.Item != "":
		return at.Item + " could not be taken away"
	}
	return fmt.Sprintf("%s could not be brought to what the document says", at.Node)
}

// entitled gives the steps that are about a kind's list a title.
func entitled(steps []graph.Step) {
	for i, s := range steps {
		if s.Err != nil && string(s.Node) == s.Kind {
			steps[i].Title = listOf(s.Kind)
		}
	}
}

// listOf is a kind's list, for people.
func listOf(kind string) string {
	switch provider, what, _ := strings.Cut(kind, "/"); {
	case kind == kube.SetsKind:
		return "the list of what the platform has in the cluster"
	case provider == "helm":
		return "the list of the Helm releases in the cluster"
	default:
		return fmt.Sprintf("DigitalOcean's list of the kind %q", strings.ReplaceAll(what, "-", " "))
	}
}

// explainOption says what is wrong with an option.
func (p *Platform) explainOption(pr *problem.Problem, e *product.OptionsError) {
	at := "spec." + strings.ReplaceAll(string(e.Entry), "/", ".") + ".options"
	pr.Code, pr.Kind, pr.Title, pr.Why = problem.BadOptions, problem.Usage, fmt.Sprintf("the options of %s cannot be read", e.Product), e.Err.Error()
	pr.Fix = fmt.Sprintf("`k8or catalog show %s` lists its options", e.Shown)
	if e.Field != "" {
		at += "." + e.Field
		pr.Title = fmt.Sprintf("option %s of %s is of the wrong type", e.Field, e.Product)
	}
	if e.Known != nil {
		name := e.Field[strings.LastIndexByte(e.Field, '.')+1:]
		pr.Title = fmt.Sprintf("%s has no option %s", e.Product, e.Field)
		pr.Why = "it has " + problem.OneOf(e.Known)
		if len(e.Known) == 0 {
			pr.Why = "it has no options"
		}
		if near := problem.DidYouMean(name, e.Known); near != "" {
			pr.Fix = near
		}
	}
	p.given.At(at, pr)
}

// explainCall says what an answer of DigitalOcean's means.
func (p *Platform) explainCall(pr *problem.Problem, e *digitalocean.Error, err error) {
	scope, lacks := errors.AsType[*digitalocean.ErrScope](err)
	limited, tooMany := errors.AsType[*digitalocean.ErrRateLimited](err)
	switch {
	case errors.Is(err, digitalocean.ErrUnauthorized):
		pr.Code, pr.Kind, pr.Title = problem.BadToken, problem.NotAllowed, fmt.Sprintf("DigitalOcean does not accept the token from %s", p.options.Token.Source)
		pr.Fix = "make a new one at https://cloud.digitalocean.com/account/api/tokens (`k8or scopes` lists what it must be allowed), and run the same command again: nothing is lost"
	case lacks:
		pr.Code, pr.Kind, pr.Title = problem.MissingScope, problem.NotAllowed, scope.Error()
		pr.Fix = "make a token with the scopes that `k8or scopes` lists"
	case tooMany:
		wait := "some minutes"
		if limited.After > 0 {
			wait = max(limited.After, time.Second).Round(time.Second).String()
		}
		pr.Code, pr.Title, pr.Fix = problem.RateLimited, "DigitalOcean limits this token's calls", "wait "+wait+" and run the same command again: nothing is lost"
	case e.Status >= 500:
		pr.Code, pr.Title, pr.Fix = problem.CloudFailing, "DigitalOcean has trouble of its own", "see https://status.digitalocean.com, and run the same command again: nothing is lost"
	case e.Status == 0:
		pr.Code, pr.Title, pr.Fix = problem.CloudOutOfReach, "DigitalOcean's API gives no answer", "check this machine's network, and run the same command again: nothing is lost"
	case e.Status >= 400:
		pr.Code = problem.CloudRefused
	}
}

// asksFor is the field that asks for what a cluster cannot have; empty where another thing than the cluster would use it.
func (p *Platform) asksFor(e *digitalocean.ErrNotOffered) string {
	if e.For != "" {
		return ""
	}
	switch e.What {
	case "region":
		return "spec.region"
	case "Kubernetes version":
		return "spec.cluster.version"
	case "size":
		pools := p.doc.Spec.Cluster.NodePools
		for _, name := range slices.Sorted(maps.Keys(pools)) {
			if pools[name].Size == e.Wanted {
				return "spec.cluster.nodePools." + name + ".size"
			}
		}
	}
	return ""
}

// explainOthers says what errors of charts, options and locks mean.
func (p *Platform) explainOthers(pr *problem.Problem, err error) {
	if e, ok := errors.AsType[*digitalocean.ErrNotOffered](err); ok {
		pr.Code, pr.Kind, pr.Title, pr.Why = problem.RegionLacks, problem.Preflight, fmt.Sprintf("DigitalOcean does not offer the %s %s", e.What, e.Wanted), "it offers nothing of the kind for "+cmp.Or(e.For, "Kubernetes")+" now"
		if e.In != "" {
			pr.Title += " in " + e.In
		}
		pr.Fix = "choose another"
		if len(e.Offered) > 0 {
			pr.Why = "for " + cmp.Or(e.For, "Kubernetes") + " it offers " + problem.OneOf(e.Offered) + " now"
			if e.Nearest {
				pr.Why = "of what it offers for " + cmp.Or(e.For, "Kubernetes") + " now, the nearest in price are " + strings.Join(e.Offered, ", ")
			}
			pr.Fix = "choose one that it offers"
			if near := problem.DidYouMean(e.Wanted, e.Offered); near != "" {
				pr.Fix = near
			}
		}
		if at := p.asksFor(e); at != "" {
			p.given.At(at, pr)
		}
	}
	if e, ok := errors.AsType[*digitalocean.ErrAccountLocked](err); ok {
		pr.Code, pr.Kind, pr.Title, pr.Fix = problem.AccountLocked, problem.NotAllowed, e.Error(), "DigitalOcean's support can unlock it"
	}
	if e, ok := errors.AsType[*graph.ErrLocked](err); ok {
		pr.Code, pr.Kind, pr.Title, pr.Why = problem.LockHeld, problem.Locked, "another run is at work on this platform", e.Error()
		pr.Fix = "wait for it to end; a lock lapses by itself"
	}
	if e, ok := errors.AsType[*chart.NotFoundError](err); ok {
		pr.Code, pr.Title, pr.Why = problem.ChartMissing, "a chart cannot be had", e.Error()
		pr.Fix = "check the network, or give a folder of charts by --charts"
	}
	if e, ok := errors.AsType[*product.OptionsError](err); ok {
		p.explainOption(pr, e)
	}
	if e, ok := errors.AsType[*product.RefusedError](err); ok {
		pr.Code, pr.Kind, pr.Title, pr.Why, pr.Fix = problem.ProductCannot, problem.Usage, e.What, e.Why, e.Fix
		at := "spec." + strings.ReplaceAll(string(e.Entry), "/", ".")
		if e.Field != "" {
			at += "." + e.Field
		}
		p.given.At(at, pr)
	}
	if e, ok := errors.AsType[*kube.RejectedError](err); ok {
		pr.Code, pr.Why = problem.ApplyRefused, e.Error()
	}
}
