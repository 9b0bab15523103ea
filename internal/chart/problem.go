// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/k8or/k8or/internal/problem"
)

// tell says an error of this package to a person. The error itself stays beneath, for errors.Is and errors.As.
func tell(err error, doing string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !errors.As(err, new(*NotFoundError)) {
		return err
	}
	p := &problem.Problem{Code: problem.ChartRender, Title: doing, Why: err.Error(), Cause: err}
	var missing *NotFoundError
	var digest *DigestError
	var hook *HookError
	var unstable *UnstableError
	switch {
	case errors.As(err, &missing):
		p.Code, p.Title = problem.ChartMissing, fmt.Sprintf("chart %s %s could not be had", missing.Source.Name, missing.Source.Version)
		var looked []string
		for _, l := range missing.Looked {
			looked = append(looked, l.Where+": "+l.Found)
		}
		p.Why = "looked in " + strings.Join(looked, "; ")
		p.Fix = fmt.Sprintf("put %s-%s.tgz into a folder and name it with --charts or K8OR_CHARTS, or run where %s can be reached",
			missing.Source.Name, missing.Source.Version, missing.Source.Repo)
	case errors.As(err, &digest):
		p.Code, p.Title = problem.ChartChanged, fmt.Sprintf("chart %s %s is not the one that was recorded", digest.Source.Name, digest.Source.Version)
		p.Why = fmt.Sprintf("%s has digest %s, recorded is %s", digest.Where, digest.Got, digest.Source.Digest)
		p.Fix = "nothing of it was used; a published version should never change, so compare the two before you trust either"
	case errors.As(err, &hook):
		p.Code, p.Fix = problem.ChartHook, "let Helm install this chart with `release: true`"
	case errors.As(err, &unstable):
		p.Why = fmt.Sprintf("%s would differ at every run, because the chart calls %s", strings.Join(unstable.Objects, ", "), strings.Join(unstable.Functions, ", "))
		p.Fix = "give the values that make it unneeded (an existing Secret, a certificate), or let Helm install it with `release: true`"
	}
	return p
}
