// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
)

// reserved are the namespaces that are not for apps.
var reserved = []string{"kube-system", "kube-public", "kube-node-lease", "k8or-system"}

// kindsOf are the fields that go with some kinds of app alone.
var kindsOf = map[string][]string{
	"port":          {"web", "worker"},
	"replicas":      {"web", "worker"},
	"autoscale":     {"web", "worker"},
	"routes":        {"web"},
	"gateway":       {"web"},
	"metrics":       {"web", "worker"},
	"probe":         {"web", "worker"},
	"beforeRollout": {"web", "worker"},
	"schedule":      {"cron"},
	"timeZone":      {"cron"},
}

// anyApp are the fields that go with manifests and charts too.
var anyApp = []string{"manifests", "chart", "namespace", "alerts", "multiline", "uses", "reads"}

func (c *checker) apps() {
	routes := map[string]string{}
	for _, name := range sorted(c.given.Spec.Apps) {
		a := appChecker{checker: c, name: name, path: Join("spec.apps", name), given: c.given.Spec.Apps[name], app: c.filled.Spec.Apps[name]}
		a.origin()
		if a.app.FromImage() {
			a.image()
			a.kind()
			a.size()
			a.volumes()
		}
		a.routes(routes)
		a.references()
	}
}

// appChecker checks one app: as given, and with its defaults filled in.
type appChecker struct {
	*checker
	name, path string
	given, app App
}

func (a appChecker) fail(field, code, what, why, fix string) {
	at := a.path
	if field != "" {
		at = a.path + "." + field
	}
	a.add(FieldError{Path: at, Code: code, What: what, Why: why, Fix: fix})
}

// origin checks what the app is made from.
func (a appChecker) origin() {
	var from []string
	for _, f := range fieldsOf(reflect.ValueOf(a.given)) {
		if slices.Contains([]string{"image", "manifests", "chart"}, f.name) && !f.value.IsZero() {
			from = append(from, f.name)
		}
	}
	switch {
	case len(from) == 0 && a.given.Source == "":
		a.fail("", CodeAppSource, fmt.Sprintf("app %q is made from nothing", a.name), "", "add `image:`, `manifests:` or `chart:`")
	case len(from) > 1:
		a.fail(from[1], CodeAppSource, fmt.Sprintf("app %q is made from several things: %s", a.name, strings.Join(from, " and ")), "", "keep one of them")
	}
	if a.given.Source != "" && a.checker.given.Spec.Delivery == nil {
		a.fail("source", CodeBadReference, "source has nobody to build it", "`delivery:` is not in the document", "add delivery, or give an image and remove source")
	}
	if slices.Contains(reserved, a.given.Namespace) {
		a.fail("namespace", CodeReservedName, fmt.Sprintf("namespace %s is not for apps", a.given.Namespace), "", "leave it out (apps), or choose another")
	}
	if a.given.Manifests != "" {
		a.folder("manifests", a.given.Manifests)
	}
	if a.given.Chart != nil && len(from) == 1 {
		a.chart(*a.given.Chart)
	}
	if a.given.Chart != nil && a.given.Chart.Release && a.given.Multiline != "" {
		a.fail("multiline", CodeAppField, "multiline does not go with a Helm release", "Helm installs it as a whole, and k8or does not know its pods", "remove it, or `release: true`")
	}
	if !a.given.FromImage() && len(from) == 1 {
		for _, f := range fieldsOf(reflect.ValueOf(a.given)) {
			if !slices.Contains(anyApp, f.name) && !f.value.IsZero() {
				a.fail(f.name, CodeAppField, fmt.Sprintf("%s does not go with %s", f.name, from[0]),
					"how the app runs is said in the "+from[0], "remove it")
			}
		}
	}
}

func (a appChecker) folder(field, folder string) {
	if path.IsAbs(folder) || strings.HasPrefix(folder, "~") || strings.Contains(folder, `\`) || strings.Contains(folder, "://") {
		a.fail(field, CodeFolderOutside, fmt.Sprintf("%q is not a folder relative to the document", folder), "", "write it relative to the document's own folder, with forward slashes")
	}
}

func (a appChecker) chart(chart Chart) {
	remote := strings.HasPrefix(chart.Source, "oci://") || strings.HasPrefix(chart.Source, "https://")
	switch {
	case strings.HasPrefix(chart.Source, "http://"):
		a.fail("chart.source", CodeChartInvalid, "the chart would be fetched without encryption", "", "use https:// or oci://")
	case remote && chart.Version == "":
		a.fail("chart", CodeChartInvalid, "the chart has no version", "without one it would change by itself", "add `version:` with an exact one")
	case remote && !matches(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`, chart.Version):
		a.fail("chart.version", CodeChartInvalid, fmt.Sprintf("%q is not an exact version", chart.Version), "a range would change by itself", "write it in full, such as 6.9.2")
	case !remote && chart.Source != "" && chart.Version != "":
		a.fail("chart.version", CodeChartInvalid, "a folder has no version", "what is in it is installed", "remove it, or name a chart by oci:// or https://")
	case !remote && chart.Source != "":
		a.folder("chart.source", chart.Source)
	}
}

// kind checks that the fields given go with the kind of app.
func (a appChecker) kind() {
	for _, f := range fieldsOf(reflect.ValueOf(a.given)) {
		kinds := kindsOf[f.name]
		if len(kinds) > 0 && !f.value.IsZero() && !slices.Contains(kinds, a.app.Kind) && slices.Contains(MarkOf("App", "kind").Enum, a.app.Kind) {
			fix := "remove it, or set `kind:` to " + oneOf(kinds)
			if f.name == "routes" && a.given.Kind == "" {
				continue // said below: the port is missing
			}
			a.fail(f.name, CodeAppField, fmt.Sprintf("%s does not go with an app of kind %s", f.name, a.app.Kind), "", fix)
		}
	}
	switch {
	case a.app.Kind == "web" && a.app.Port == nil,
		a.given.Kind == "" && a.app.Port == nil && len(a.given.Routes) > 0:
		a.fail("", CodeRouteNoPort, fmt.Sprintf("app %q serves requests and has no port", a.name), "", "add `port: 8080`, or whichever it listens on")
	case a.app.Metrics != nil && a.app.Metrics.Port == nil && a.app.Port == nil:
		a.fail("metrics", CodeRouteNoPort, "metrics have no port", "the app has none either", "add `port:` to metrics")
	case a.app.Probe != nil && a.app.Probe.Port == nil && a.app.Port == nil:
		a.fail("probe", CodeRouteNoPort, "the probe has no port", "the app has none either", "add `port:` to probe")
	}
	switch {
	case a.app.Kind == "cron" && a.app.Schedule == "":
		a.fail("", CodeBadSchedule, fmt.Sprintf("cron app %q has no schedule", a.name), "", "add `schedule: \"15 3 * * *\"`, for every day at 03:15")
	case a.app.Schedule != "":
		if why := badSchedule(a.app.Schedule); why != "" {
			a.fail("schedule", CodeBadSchedule, fmt.Sprintf("%q is not a schedule", a.app.Schedule), why, "for example \"15 3 * * *\", every day at 03:15")
		}
	}
	if a.given.TimeZone != "" && !matches(`^(UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_+-]+)+)$`, a.given.TimeZone) {
		a.fail("timeZone", CodeBadSchedule, fmt.Sprintf("%q is not a time zone", a.given.TimeZone), "", "write it as Europe/Berlin, or UTC")
	}
}

// size checks how many copies run and what each asks for.
func (a appChecker) size() {
	if a.given.Replicas != nil && a.given.Autoscale != nil {
		a.add(FieldError{Path: a.path + ".autoscale", Code: CodeReplicasAndScale, What: fmt.Sprintf("app %q cannot have both replicas and autoscale", a.name),
			Why: "replicas is given", See: a.path + ".replicas", Fix: "keep one of them"})
	}
	if scale := a.app.Autoscale; scale != nil {
		if scale.Min > scale.Max && scale.Max > 0 {
			a.fail("autoscale.min", CodeAutoscaleBounds, fmt.Sprintf("min %d is above max %d", scale.Min, scale.Max), "", "swap them, or raise max")
		}
		if a.app.Resources != nil && a.app.Resources.Requests.CPU == "" {
			a.fail("resources", CodeScaleNoRequest, fmt.Sprintf("app %q scales by CPU and requests none", a.name),
				"the autoscaler measures use as a part of what is requested", "add `requests: {cpu: 100m}`")
		}
	}
	if r := a.given.Resources; r != nil {
		a.within("cpu", r.Requests.CPU, r.Limits.CPU)
		a.within("memory", r.Requests.Memory, r.Limits.Memory)
	}
}

func (a appChecker) within(name string, request, limit Quantity) {
	asked, aerr := parseQuantity(request)
	most, merr := parseQuantity(limit)
	if aerr == nil && merr == nil && asked.Cmp(most) > 0 {
		a.fail("resources.requests."+name, CodeRequestOverLimit, fmt.Sprintf("%s requested is more than the limit of %s", request, limit), "", "raise the limit or lower the request")
	}
}

func (a appChecker) volumes() {
	paths := map[string]bool{}
	for _, name := range sorted(a.app.Volumes) {
		volume := a.app.Volumes[name]
		at := Join("volumes", name)
		if paths[volume.Path] {
			a.fail(at+".path", CodeAppField, fmt.Sprintf("two volumes are mounted at %s", volume.Path), "", "choose another path for one of them")
		}
		paths[volume.Path] = true
	}
	if len(a.app.Volumes) == 0 {
		return
	}
	copies, field := 1, "replicas"
	if a.app.Replicas != nil {
		copies = *a.app.Replicas
	}
	if a.app.Autoscale != nil {
		copies, field = a.app.Autoscale.Max, "autoscale"
	}
	if copies > 1 {
		a.fail(field, CodeVolumeReplicas, fmt.Sprintf("%d copies of app %q would share its volumes", copies, a.name),
			"a DigitalOcean volume is attached to one node at a time", "run one copy, or keep the data in a database or a bucket")
	}
}
