// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// toy is a probe of a product that nobody has.
func toy() product.Probe {
	return product.Probe{Entry: "toys/Train.1", Name: "Whistle", Proves: "it whistles", Namespace: "toys", Look: "the rails",
		Spec:  probe.Spec{Timeout: 10 * time.Second, HTTP: &probe.HTTP{URL: "http://train.toys.svc:8080/", Username: "login/user", Password: "login/password"}},
		Files: map[string]kube.SecretKey{"login/user": {Namespace: "toys", Name: "login", Key: "user"}, "login/password": {Namespace: "toys", Name: "login", Key: "pw"}, "ca": {Namespace: "toys", Name: "tls", Key: "ca.crt"}}}
}

func TestProbesRunWithoutAnyRightTheyDoNotNeed(t *testing.T) {
	t.Parallel()
	job, err := probeJob(toy(), toy().Spec, "ghcr.io/k8or/k8or:1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	pod := job.Spec.Template.Spec
	c := pod.Containers[0]
	for what, ok := range map[string]bool{
		"no service account token":     pod.AutomountServiceAccountToken != nil && !*pod.AutomountServiceAccountToken,
		"not root":                     *c.SecurityContext.RunAsNonRoot && *pod.SecurityContext.RunAsUser != 0,
		"seccomp":                      c.SecurityContext.SeccompProfile.Type == "RuntimeDefault",
		"no more privileges":           !*c.SecurityContext.AllowPrivilegeEscalation && len(c.SecurityContext.Capabilities.Drop) == 1 && c.SecurityContext.Capabilities.Drop[0] == "ALL",
		"nothing to write to":          *c.SecurityContext.ReadOnlyRootFilesystem,
		"no second try":                *job.Spec.BackoffLimit == 0,
		"a limit":                      *job.Spec.ActiveDeadlineSeconds == 130,
		"gone by itself":               *job.Spec.TTLSecondsAfterFinished > 0,
		"the image":                    c.Image == "ghcr.io/k8or/k8or:1.2.3",
		"where its Secrets are":        job.Namespace == "toys",
		"a name that Kubernetes takes": strings.HasPrefix(job.Name, "probe-toys-train-1-whistle-") && len(job.Name) <= 63,
	} {
		if !ok {
			t.Errorf("the Job lacks: %s", what)
		}
	}
	var mounted []string
	for _, source := range pod.Volumes[0].Projected.Sources {
		for _, item := range source.Secret.Items {
			mounted = append(mounted, source.Secret.Name+"/"+item.Key+" as "+item.Path)
		}
	}
	if want := []string{"tls/ca.crt as ca", "login/pw as login/password", "login/user as login/user"}; !slices.Equal(mounted, want) {
		t.Errorf("the Job mounts %q, and should mount exactly the keys it names: %q", mounted, want)
	}
}

func TestAProbesAccountGivesItATokenAndTheAuthorityToBelieve(t *testing.T) {
	t.Parallel()
	one := toy()
	one.Account, one.Files = "reader", nil
	job, err := probeJob(one, one.Spec, "image")
	if err != nil {
		t.Fatal(err)
	}
	pod := job.Spec.Template.Spec
	sources := pod.Volumes[0].Projected.Sources
	if pod.ServiceAccountName != "reader" || *pod.AutomountServiceAccountToken || len(sources) != 2 {
		t.Fatalf("the pod is of %q and mounts %v", pod.ServiceAccountName, sources)
	}
	if token := sources[0].ServiceAccountToken; token.Path != "token" || *token.ExpirationSeconds < 600 { // Kubernetes grants none for less
		t.Errorf("its token is %+v", token)
	}
	if authority := sources[1].ConfigMap; authority.Name != "kube-root-ca.crt" || authority.Items[0].Path != "ca.crt" {
		t.Errorf("it believes %+v", authority)
	}
}

func TestProbesWithoutANamespaceRunInK8orsOwn(t *testing.T) {
	t.Parallel()
	one := toy()
	one.Namespace, one.Files = "", nil
	job, err := probeJob(one, one.Spec, "image")
	if err != nil {
		t.Fatal(err)
	}
	if job.Namespace != kube.SystemNamespace || len(job.Spec.Template.Spec.Volumes) != 0 {
		t.Errorf("the Job is in %s with %d volumes", job.Namespace, len(job.Spec.Template.Spec.Volumes))
	}
}

func TestMistakesOfAProductsProbeAreTold(t *testing.T) {
	t.Parallel()
	if why := badly(toy()); why != "" {
		t.Errorf("a good probe: %s", why)
	}
	elsewhere := toy()
	elsewhere.Namespace = "other"
	if why := badly(elsewhere); !strings.Contains(why, "cannot see") {
		t.Errorf("a Secret of another namespace: %q", why)
	}
	if why := badly(product.Probe{}); !strings.Contains(why, "does not say what to prove") {
		t.Errorf("a probe of nothing: %q", why)
	}
}

func TestOnlyAJobThatSaysSoHasPassed(t *testing.T) {
	t.Parallel()
	v := prover{image: "image"}
	for _, c := range []struct {
		said string
		code int32
		want probe.State
		word string
	}{
		{`{"state":"passed","message":"it whistles"}`, 0, probe.Passed, "it whistles"},
		{`{"state":"failed","message":"no whistle","look":"the engine"}`, 3, probe.Failed, "no whistle"},
		{``, 0, probe.Failed, "without a finding"},
		{`{"state":"passed"}`, 1, probe.Failed, "exit code 1"},
		{`{"state":"failed","message":"x"}`, 0, probe.Failed, "without a finding"},
		{`panic: nil`, 2, probe.Failed, "exit code 2"},
	} {
		f := v.said(toy(), kube.TaskState{Ended: true, Code: c.code, Said: c.said})
		if f.State != c.want || !strings.Contains(f.Message, c.word) {
			t.Errorf("last words %q with code %d: %s, %q; want %s and %q", c.said, c.code, f.State, f.Message, c.want, c.word)
		}
		if f.State == probe.Failed && !strings.Contains(f.Look, "the rails") {
			t.Errorf("last words %q: the product's own place to look is not told: %q", c.said, f.Look)
		}
	}
}

func TestEndsOfLifeAreToldHalfAYearAhead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	entry := func(id graph.ID, end string) product.Chosen {
		return product.Chosen{ID: id, About: product.About{Title: "Toy", Version: string(id), EndOfLife: end}}
	}
	got := endsOfLife([]product.Chosen{entry("1", "2026-11-24"), entry("2", "2027-05-24"), entry("3", "2027-05-25"), entry("4", ""), entry("1", "2026-11-24")}, now)
	if len(got) != 2 || !strings.Contains(got[0], "Toy 1 reached its end of life") || !strings.Contains(got[1], "Toy 2 reaches its end of life") {
		t.Errorf("it tells %q", got)
	}
}

func TestOnlyAndExceptChooseWhatIsProven(t *testing.T) {
	t.Parallel()
	p := open(t, small+"  gateways:\n    a: {product: nginx}\n    b: {product: nginx}\n  apps:\n    web: {image: registry.example.com/web:1, port: 80, gateway: a, routes: [{path: /}]}\n", func(o *Options) {
		o.Sandbox, o.ChartsTransport = true, noNetwork{}
	})
	c, err := p.Compose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ only, except, want, refused string }{
		{"", "", "cluster gateways/a gateways/b apps/web", ""},
		{"gateways", "", "gateways/a gateways/b", ""},
		{"gateways apps/web", "gateways/b", "gateways/a apps/web", ""},
		{"", "gateways cluster", "apps/web", ""},
		{"", "gatewayz/a", "", `did you mean "gateways/a"?`},
		{"gateways/c", "", "", `did you mean "gateways/a"?`},
	} {
		probes, unproven, err := chosenProbes(c, strings.Fields(one.only), strings.Fields(one.except))
		if one.refused != "" {
			if pr, ok := err.(*problem.Problem); !ok || pr.Fix != one.refused {
				t.Errorf("only %q, except %q: %v, want %q", one.only, one.except, err, one.refused)
			}
			continue
		}
		seen := map[string]bool{}
		for _, one := range probes {
			seen[string(one.Entry)] = true
		}
		for _, id := range unproven {
			seen[string(id)] = true
		}
		want := map[string]bool{}
		for _, id := range strings.Fields(one.want) {
			want[id] = true
		}
		if err != nil || !maps.Equal(seen, want) {
			t.Errorf("only %q, except %q: %v, %v, want %q", one.only, one.except, seen, err, one.want)
		}
	}
}
