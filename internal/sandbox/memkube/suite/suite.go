// SPDX-License-Identifier: Apache-2.0

// Package suite is what the sandbox's in-memory Kubernetes and the real control plane have in common: claims about the
// API that hold for both, each made through unchanged clients. What only one of them keeps does not belong here.
package suite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// limit is how long the slowest claim may wait. A control plane on a loaded machine is slow; one that takes longer is broken.
const limit = time.Minute

// Run makes every claim against the cluster that config reaches. Each claim works in a namespace of its own and clears
// up behind itself, so that a cluster may be used again.
func Run(t *testing.T, config func() *rest.Config) {
	for _, claim := range []struct {
		name string
		make func(*testing.T, cluster)
	}{
		{"DiscoveryMapsTheKindsInUse", discoveryMapsTheKindsInUse},
		{"MissingThingsAreNotFound", missingThingsAreNotFound},
		{"CreateRefusesWhatIsThere", createRefusesWhatIsThere},
		{"CreateNeedsAName", createNeedsAName},
		{"CreateNeedsTheNamespace", createNeedsTheNamespace},
		{"UpdateNeedsTheLatestVersion", updateNeedsTheLatestVersion},
		{"PatchesChangeWhatTheyName", patchesChangeWhatTheyName},
		{"GenerationCountsChangesOfTheSpec", generationCountsChangesOfTheSpec},
		{"SelectorsCannotChange", selectorsCannotChange},
		{"SecretsFoldTheirPlainText", secretsFoldTheirPlainText},
		{"ApplyTwiceChangesNothing", applyTwiceChangesNothing},
		{"ApplyRemovesWhatIsNoLongerWanted", applyRemovesWhatIsNoLongerWanted},
		{"ApplyMergesListsByKey", applyMergesListsByKey},
		{"ApplyConflictsWithAnotherManager", applyConflictsWithAnotherManager},
		{"DryRunWritesNothing", dryRunWritesNothing},
		{"StagedApplyTwiceIsUnchanged", stagedApplyTwiceIsUnchanged},
		{"ListsAnswerSelectors", listsAnswerSelectors},
		{"WatchSeesChanges", watchSeesChanges},
		{"FinalizersHoldDeletion", finalizersHoldDeletion},
		{"DeletionHonoursPreconditions", deletionHonoursPreconditions},
		{"DeleteCollectionRemovesTheChosen", deleteCollectionRemovesTheChosen},
		{"OwnersTakeTheirDependents", ownersTakeTheirDependents},
		{"ForegroundDeletionEndsWithTheOwner", foregroundDeletionEndsWithTheOwner},
		{"OrphansStay", orphansStay},
		{"NamespacesTakeTheirContent", namespacesTakeTheirContent},
		{"DefinitionsAreServed", definitionsAreServed},
		{"LeasesAreTakenOnce", leasesAreTakenOnce},
		{"DeploymentsBecomeAvailable", deploymentsBecomeAvailable},
		{"DaemonSetsRunOnEveryNode", daemonSetsRunOnEveryNode},
		{"JobsComplete", jobsComplete},
		{"EvictionsRespectBudgets", evictionsRespectBudgets},
		{"PodsGoWhereTheyAreSent", podsGoWhereTheyAreSent},
	} {
		t.Run(claim.name, func(t *testing.T) {
			t.Parallel()
			claim.make(t, newCluster(t, config()))
		})
	}
}

// cluster is a claim's own view: clients of every sort, and a namespace of its own.
type cluster struct {
	context.Context
	config    *rest.Config
	client    client.Client
	typed     kubernetes.Interface
	namespace string
}

func newCluster(t *testing.T, config *rest.Config) cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	c, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	must(t, err, "make a client")
	typed, err := kubernetes.NewForConfig(config)
	must(t, err, "make a typed client")
	ns, err := typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "claim-"}}, metav1.CreateOptions{})
	must(t, err, "create a namespace")
	t.Cleanup(func() {
		_ = typed.CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{}) // it may be gone already
	})
	return cluster{ctx, config, c, typed, ns.Name}
}

// applier is the library k8or applies with.
func (c cluster) applier() *ssa.ResourceManager {
	poller := polling.NewStatusPoller(c.client, c.client.RESTMapper(), polling.Options{})
	return ssa.NewResourceManager(c.client, poller, ssa.Owner{Field: "suite", Group: "suite.k8or.io"})
}

func must(t *testing.T, err error, doing string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

// eventually waits until done is true; its error ends the wait.
func (c cluster) eventually(t *testing.T, what string, done func() (bool, error)) {
	t.Helper()
	err := wait.PollUntilContextCancel(c, 50*time.Millisecond, true, func(context.Context) (bool, error) { return done() })
	if err != nil {
		t.Fatalf("wait for %s: %v", what, err)
	}
}

// refused checks an error's kind.
func refused(t *testing.T, err error, is func(error) bool, why string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("got no error: %s", why)
	case !is(err):
		t.Errorf("got error %v, of another kind: %s", err, why)
	}
}

// node makes a node that is played by whoever plays kubelets here, with a label of its own to send pods by.
func (c cluster) node(t *testing.T) (name string, selector map[string]string) {
	t.Helper()
	name = c.namespace
	selector = map[string]string{"suite.k8or.io/node": name}
	room := corev1.ResourceList{"cpu": quantity("4"), "memory": quantity("8Gi"), "pods": quantity("110")}
	_, err := c.typed.CoreV1().Nodes().Create(c, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: selector, Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "suite.k8or.io/own", Value: name, Effect: corev1.TaintEffectNoSchedule}}},
		Status:     corev1.NodeStatus{Capacity: room, Allocatable: room},
	}, metav1.CreateOptions{})
	must(t, err, "create a node")
	t.Cleanup(func() {
		if err := c.typed.CoreV1().Nodes().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete node %s: %v", name, err)
		}
	})
	c.eventually(t, fmt.Sprintf("node %s to be ready", name), func() (bool, error) {
		node, err := c.typed.CoreV1().Nodes().Get(c, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
	return name, selector
}
