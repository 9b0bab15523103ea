// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/k8or/k8or/internal/lint"
	"github.com/k8or/k8or/internal/product"
)

// objects reads manifests, separated by lines of ---.
func objects(t *testing.T, manifests string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for part := range strings.SplitSeq(manifests, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), &o.Object); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
		out = append(out, o)
	}
	return out
}

// check gives "severity rule object" of each finding over manifests in the namespace apps.
func check(t *testing.T, nodes int, manifests string) []string {
	t.Helper()
	found, notes := lint.Check(nodes, product.Rendered{For: "apps/web", Namespace: "apps", Objects: objects(t, manifests)})
	for _, n := range notes {
		t.Errorf("it could not be read: %s", n)
	}
	var out []string
	for _, f := range found {
		if f.For != "apps/web" || f.Why == "" || f.Fix == "" {
			t.Errorf("a finding says not all: %+v", f)
		}
		out = append(out, string(f.Severity)+" "+f.Rule+" "+f.Object)
	}
	return out
}

// webhook is a configuration with a webhook in the namespace guard, with further fields.
func webhook(kind, apiGroups, more string) string {
	return "apiVersion: admissionregistration.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: guard}\nwebhooks:\n- name: guard.example.com\n" +
		"  clientConfig: {service: {name: guard, namespace: guard}}\n  rules: [{apiGroups: [" + apiGroups + "], apiVersions: [v1], operations: [CREATE], resources: ['*']}]\n" + more +
		"\n---\napiVersion: v1\nkind: Service\nmetadata: {name: guard, namespace: guard}\nspec: {}"
}

func TestWebhooksAreJudgedAsClusterlintJudgesThem(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"} {
		replaced, late := "blocks admission-controller-webhook-replacement "+kind+" guard", "blocks admission-controller-webhook-timeout "+kind+" guard"
		for name, c := range map[string]struct {
			groups, more string
			nodes        int
			want         []string
		}{
			"it is about core, everywhere":                           {`""`, "", 3, []string{replaced}},
			"it is about apps, everywhere":                           {"apps", "", 3, []string{replaced}},
			"it is about everything":                                 {"'*'", "", 3, []string{replaced}},
			"it is about other groups":                               {"cert-manager.io", "", 3, nil},
			"nobody minds when it does not answer":                   {`""`, "  failurePolicy: Ignore", 3, nil},
			"it leaves kube-system out":                              {`""`, "  namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}", 3, nil},
			"it leaves itself out, and there are other nodes":        {`""`, "  namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [guard]}]}", 3, nil},
			"it leaves itself out, and there is no other node":       {`""`, "  namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [guard]}]}", 1, []string{replaced}},
			"it leaves out a label that kube-system is not known by": {`""`, "  namespaceSelector: {matchExpressions: [{key: injection, operator: DoesNotExist}]}", 3, []string{replaced}},
			"it wants a label that kube-system does not have":        {`""`, "  namespaceSelector: {matchLabels: {injection: enabled}}", 3, nil},
			"it chooses by objects, which clusterlint does not see":  {`""`, "  objectSelector: {matchLabels: {injection: enabled}}", 3, []string{replaced}},
			"it takes 29 seconds":                                    {"x.io", "  timeoutSeconds: 29", 3, nil},
			"it takes 30 seconds":                                    {"x.io", "  timeoutSeconds: 30", 3, []string{late}},
			"it takes no time":                                       {"x.io", "  timeoutSeconds: 0", 3, []string{late}},
		} {
			if got := check(t, c.nodes, webhook(kind, c.groups, c.more)); !slices.Equal(got, c.want) {
				t.Errorf("%s, where %s: %q, want %q", kind, name, got, c.want)
			}
		}
	}
}

func TestAWebhookOutsideOfTheClusterNeedsNoService(t *testing.T) {
	t.Parallel()
	inside := webhook("ValidatingWebhookConfiguration", "x.io", "")
	alone, _, _ := strings.Cut(inside, "\n---\n")
	if got := check(t, 3, alone); !slices.Equal(got, []string{"suggests admission-controller-webhook ValidatingWebhookConfiguration guard"}) {
		t.Errorf("without its Service: %q", got)
	}
	outside := strings.Replace(webhook("ValidatingWebhookConfiguration", `""`, ""), "service: {name: guard, namespace: guard}", "url: https://guard.example.com", 1)
	if got := check(t, 3, outside); got != nil {
		t.Errorf("outside of the cluster: %q", got)
	}
}

func TestPoliciesThatMayRefuseKubeSystemBlockAnUpgrade(t *testing.T) {
	t.Parallel()
	const apart = "namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}"
	for name, c := range map[string]struct {
		groups, policy, actions, binding string
		blocks                           bool
	}{
		"it denies core everywhere":       {`""`, "", "Deny", "", true},
		"it only warns":                   {`""`, "", "Warn", "", false},
		"it is about another group":       {"x.io", "", "Deny", "", false},
		"it leaves kube-system out":       {`""`, apart, "Deny", "", false},
		"its binding leaves it out":       {`""`, "", "Deny", "matchResources: {" + apart + "}", false},
		"its binding is about less":       {"'*'", "", "Deny", "matchResources: {resourceRules: [{apiGroups: [x.io], apiVersions: [v1], operations: [CREATE], resources: ['*']}]}", false},
		"its binding names another label": {`""`, "", "Deny", "matchResources: {namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}", true},
	} {
		got := check(t, 3, "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: safe}\nspec:\n  validations: [{expression: 'true'}]\n"+
			"  matchConstraints:\n    resourceRules: [{apiGroups: ["+c.groups+"], apiVersions: [v1], operations: [CREATE], resources: ['*']}]\n    "+c.policy+
			"\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: safe}\nspec:\n  policyName: safe\n  validationActions: ["+c.actions+"]\n  "+c.binding)
		if blocks := slices.Equal(got, []string{"blocks validating-admission-policy ValidatingAdmissionPolicyBinding safe"}); blocks != c.blocks || !blocks && got != nil {
			t.Errorf("where %s: %q", name, got)
		}
	}
}

func TestABudgetThatNeverLetsAPodGoBlocksAnUpgrade(t *testing.T) {
	t.Parallel()
	workload := func(replicas string) string {
		return "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: " + replicas +
			", template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: ghcr.io/acme/web:1, resources: {requests: {cpu: 1m}}}]}}}"
	}
	for name, c := range map[string]struct {
		budget, workload string
		blocks           bool
	}{
		"none may go":                                   {"maxUnavailable: 0", workload("3"), true},
		"none of an operator's may go":                  {"maxUnavailable: 0", "", true},
		"0 % may go":                                    {`maxUnavailable: "0%"`, workload("3"), true},
		"1 % may go, which is rounded up":               {`maxUnavailable: "1%"`, workload("1"), false},
		"one may go":                                    {"maxUnavailable: 1", workload("1"), false},
		"the only one has to stay":                      {"minAvailable: 1", workload("1"), true},
		"one of two has to stay":                        {"minAvailable: 1", workload("2"), false},
		"all have to stay":                              {`minAvailable: "100%"`, "", true},
		"half of one has to stay, which is rounded up":  {`minAvailable: "50%"`, workload("1"), true},
		"half of two have to stay":                      {`minAvailable: "50%"`, workload("2"), false},
		"one of how many is not known":                  {"minAvailable: 1", "", false},
		"an autoscaler keeps two, and one has to stay":  {"minAvailable: 1", workload("1") + hpa, false},
		"the only one of another app may not be judged": {"minAvailable: 1", strings.Replace(workload("1"), "app: web", "app: api", 1), false},
	} {
		got := check(t, 3, "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {"+c.budget+", selector: {matchLabels: {app: web}}}"+c.workload)
		if blocks := slices.Equal(got, []string{"blocks disruption-budget PodDisruptionBudget apps/web"}); blocks != c.blocks || !blocks && got != nil {
			t.Errorf("where %s: %q", name, got)
		}
	}
}

const hpa = "\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {minReplicas: 2, maxReplicas: 4, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}"

// deployment is one whose pods have a spec in YAML's flow style.
func deployment(spec string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {metadata: {labels: {app: web}}, spec: {" + spec + "}}}"
}

func TestPodsAreJudgedAsClusterlintJudgesThem(t *testing.T) {
	t.Parallel()
	const good = "containers: [{name: c, image: ghcr.io/acme/web:1, resources: {limits: {memory: 1Mi}}}]"
	const claim = "\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {"
	for name, c := range map[string]struct {
		manifests string
		want      []string
	}{
		"nothing is wrong":               {deployment(good), nil},
		"it chooses a node by its name":  {deployment(good + ", nodeSelector: {kubernetes.io/hostname: general-1}"), []string{"warns node-name-pod-selector Deployment apps/web"}},
		"it mounts a path of the node":   {deployment(good + ", volumes: [{name: v, hostPath: {path: /var/log}}]"), []string{"warns hostpath-volume Deployment apps/web"}},
		"it mounts block storage":        {deployment(good+", volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]") + claim + "}", []string{"warns dobs-pod-owner Deployment apps/web"}},
		"it mounts another kind":         {deployment(good+", volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]") + claim + "storageClassName: nfs}", nil},
		"a container asks for nothing":   {deployment("containers: [{name: c, image: ghcr.io/acme/web:1}]"), []string{"warns resource-requirements Deployment apps/web"}},
		"an init container does":         {deployment(good + ", initContainers: [{name: i, image: ghcr.io/acme/web:1}]"), []string{"warns resource-requirements Deployment apps/web"}},
		"the image has no registry":      {deployment("containers: [{name: c, image: acme/web:1, resources: {limits: {memory: 1Mi}}}]"), []string{"suggests fully-qualified-image Deployment apps/web"}},
		"the image is Docker's own":      {deployment("containers: [{name: c, image: docker.io/nginx:1, resources: {limits: {memory: 1Mi}}}]"), []string{"suggests fully-qualified-image Deployment apps/web"}},
		"the image has no tag":           {deployment("containers: [{name: c, image: ghcr.io/acme/web, resources: {limits: {memory: 1Mi}}}]"), []string{"suggests latest-tag Deployment apps/web"}},
		"the image has a digest":         {deployment("containers: [{name: c, image: 'ghcr.io/acme/web@sha256:abc', resources: {limits: {memory: 1Mi}}}]"), nil},
		"the registry has a port":        {deployment("containers: [{name: c, image: 'registry:5000/web:1', resources: {limits: {memory: 1Mi}}}]"), nil},
		"the registry is GitHub's old":   {deployment("containers: [{name: c, image: docker.pkg.github.com/a/b/c:1, resources: {limits: {memory: 1Mi}}}]"), []string{"blocks docker-pkg-github-com-registry Deployment apps/web"}},
		"it is a pod alone":              {"apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {" + good + "}", []string{"warns bare-pods Pod apps/one"}},
		"it runs beside itself":          {"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {jobTemplate: {spec: {template: {spec: {" + good + "}}}}}", []string{"suggests cronjob-concurrency CronJob apps/nightly"}},
		"it stands in default":           {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words, namespace: default}", []string{"suggests default-namespace ConfigMap default/words"}},
		"its pods are exempt, by a list": {strings.Replace(deployment(good+", volumes: [{name: v, hostPath: {path: /var/log}}]"), "metadata: {labels", "metadata: {annotations: {clusterlint.digitalocean.com/disabled-checks: 'bare-pods, hostpath-volume'}, labels", 1), nil},
		"only the Deployment is exempt":  {strings.Replace(deployment(good+", volumes: [{name: v, hostPath: {path: /var/log}}]"), "name: web", "name: web, annotations: {clusterlint.digitalocean.com/disabled-checks: hostpath-volume}", 1), []string{"warns hostpath-volume Deployment apps/web"}},
	} {
		if got := check(t, 3, c.manifests); !slices.Equal(got, c.want) {
			t.Errorf("where %s: %q, want %q", name, got, c.want)
		}
	}
}

func TestGravestFindingsComeFirst(t *testing.T) {
	t.Parallel()
	got := check(t, 3, deployment("containers: [{name: c, image: acme/web}]")+"\n---\n"+webhook("ValidatingWebhookConfiguration", "x.io", "  timeoutSeconds: 30"))
	if len(got) != 4 || !strings.HasPrefix(got[0], "blocks") || !strings.HasPrefix(got[1], "warns") || !strings.HasPrefix(got[3], "suggests") {
		t.Errorf("the order is %q", got)
	}
}

func TestStandInsAreNotJudged(t *testing.T) {
	t.Parallel()
	found, _ := lint.Check(3, product.Rendered{For: "apps/web", Namespace: "apps", StandIn: true, Objects: objects(t, deployment("containers: [{name: c, image: acme/web}]")+"\n---\n"+webhook("ValidatingWebhookConfiguration", "x.io", "  timeoutSeconds: 30"))})
	if len(found) > 0 {
		t.Errorf("of a stand-in it is said: %v", found)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	_, notes := lint.Check(3, product.Rendered{For: "apps/web", Objects: objects(t, "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: {}}")})
	if len(notes) != 1 || !strings.Contains(notes[0], "PodDisruptionBudget web (apps/web)") {
		t.Errorf("a budget that cannot be read is told as %q", notes)
	}
}
