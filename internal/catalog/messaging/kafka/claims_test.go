// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/catalog/messaging"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
)

func events(m v1alpha1.Messaging) maker {
	return maker{entry: entry{ID: "messaging/events", Name: "events", Spec: m}, platform: product.Platform{Platform: &v1alpha1.Platform{}}, version: newest}
}

// allows says whether rules let somebody do an operation on something.
func allows(acls []any, kind, name, operation string) bool {
	return slices.ContainsFunc(acls, func(a any) bool {
		rule := a.(map[string]any)
		at := rule["resource"].(map[string]any)
		can := rule["operations"].([]any)
		fits := at["name"] == name || at["patternType"] == "prefix" && strings.HasPrefix(name, at["name"].(string))
		return at["type"] == kind && fits && (slices.Contains(can, any(operation)) || slices.Contains(can, any("All")))
	})
}

func TestAnAppMayUseTheTopicsAndNothingElse(t *testing.T) {
	t.Parallel()
	acls := events(v1alpha1.Messaging{Topics: map[string]v1alpha1.Topic{"clicks": {}, "orders": {}}}).every(product.Client{Name: "web"})
	for _, row := range []struct {
		kind, name, operation string
		want                  bool
		why                   string
	}{
		{"topic", "clicks", "Read", true, "it uses the entry"},
		{"topic", "orders", "Write", true, "it uses the entry"},
		{"topic", "clicks", "Delete", false, "topics are the document's"},
		{"topic", "clicks", "Alter", false, "topics are the document's"},
		{"topic", "payments", "Read", false, "the entry has no such topic"},
		{"topic", "clicks-raw", "Read", false, "a topic's name is no beginning of another's"},
		{"topic", "k8or-probe", "Write", false, "that is for probes"},
		{"group", "web", "Read", true, "it is the app's own group"},
		{"group", "web.billing", "Read", true, "a dot follows the app's own name"},
		{"group", "web-admin", "Read", false, "that is another app's"},
		{"group", "website", "Read", false, "that is another app's"},
		{"cluster", "kafka-cluster", "Create", false, "it makes nothing"},
	} {
		if got := allows(acls, row.kind, row.name, row.operation); got != row.want {
			t.Errorf("%s of the %s %s is allowed: %v, want %v, since %s", row.operation, row.kind, row.name, got, row.want, row.why)
		}
	}
}

func TestAUserMayDoWhatIsGranted(t *testing.T) {
	t.Parallel()
	acls := granted("analyst", []v1alpha1.TopicGrant{{Topic: "clicks", Permission: "consume"}, {Topic: "tmp-*", Permission: "admin"}, {Topic: "orders", Permission: "produce"}})
	for _, row := range []struct {
		name, operation string
		want            bool
	}{
		{"clicks", "Read", true}, {"clicks", "Write", false}, {"tmp-a", "Delete", true}, {"tmp", "Delete", false}, {"orders", "Write", true}, {"orders", "Read", false},
	} {
		if got := allows(acls, "topic", row.name, row.operation); got != row.want {
			t.Errorf("%s of %s is allowed: %v, want %v", row.operation, row.name, got, row.want)
		}
	}
	if acls := granted("nobody", nil); allows(acls, "group", "nobody", "Read") || allows(acls, "topic", "clicks", "Describe") {
		t.Errorf("a user without grants may do %v", acls)
	}
}

func TestWhatStandsIsNotShrunk(t *testing.T) {
	t.Parallel()
	guards := events(v1alpha1.Messaging{Topics: map[string]v1alpha1.Topic{"clicks": {}}}).guards()
	for _, row := range []struct {
		kind, name, field, before, after string
		refused                          bool
		why                              string
	}{
		{"KafkaTopic", "clicks", "spec.partitions", "12", "6", true, "partitions cannot be taken away"},
		{"KafkaTopic", "clicks", "spec.partitions", "6", "12", false, "partitions can be added"},
		{"KafkaNodePool", "brokers", "spec.storage.volumes[0].size", "50Gi", "20Gi", true, "volumes never shrink"},
		{"KafkaNodePool", "brokers", "spec.storage.volumes[0].size", `"900Gi"`, `"1Ti"`, false, "volumes grow, whatever the unit"},
		{"KafkaNodePool", "controllers", "spec.storage.volumes[0].class", "a", "b", true, "a claim's class is fixed"},
		{"KafkaNodePool", "brokers", "spec.replicas", "3", "5", false, "Cruise Control fills new brokers"},
		{"KafkaNodePool", "brokers", "spec.replicas", "5", "3", false, "Cruise Control empties brokers that go"},
		{"KafkaNodePool", "brokers", "spec.replicas", "3", "2", true, "Kafka's own topics have three copies"},
		{"KafkaNodePool", "brokers", "spec.replicas", "1", "3", true, "Kafka's own topics have one copy, and two must be in sync"},
	} {
		at := slices.IndexFunc(guards, func(g kube.Guard) bool { return g.Kind == row.kind && g.Name == row.name && g.Field == row.field })
		if at < 0 {
			t.Errorf("nothing guards %s of %s %s", row.field, row.kind, row.name)
			continue
		}
		if got := guards[at].Refuse(row.before, row.after); (got != "") != row.refused {
			t.Errorf("%s of %s from %s to %s: refused with %q, want refused %v, since %s", row.field, row.name, row.before, row.after, got, row.refused, row.why)
		}
	}
}

func TestThePlanSaysWhatAnotherNumberOfBrokersMoves(t *testing.T) {
	t.Parallel()
	guards := events(v1alpha1.Messaging{}).guards()
	at := slices.IndexFunc(guards, func(g kube.Guard) bool { return g.Name == brokerPool && g.Field == "spec.replicas" })
	for _, row := range []struct{ before, after, says string }{
		{"3", "5", "onto the 2 new brokers"}, {"3", "4", "onto the new broker"}, {"5", "3", "off the 2 brokers onto the 3 that stay"}, {"4", "3", "off the broker onto"},
		{"3", "3", ""},
	} {
		if got := guards[at].Tell(row.before, row.after); !strings.Contains(got, row.says) || row.says == "" && got != "" {
			t.Errorf("from %s to %s brokers the plan says %q, want %q", row.before, row.after, got, row.says)
		}
	}
}

func TestTopicsOfAllNamesHaveObjectsOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, name := range []string{"clicks", "Clicks", "CLICKS", "clicks_raw", "clicks.raw", "clicks-raw", "a..b", "_", "Ä", strings.Repeat("x", 249), strings.Repeat("Y", 249)} {
		object := topicObject(name)
		if problems := validation.IsDNS1123Subdomain(object); len(problems) > 0 {
			t.Errorf("topic %q has the object %q: %v", name, object, problems)
		}
		if other, taken := seen[object]; taken {
			t.Errorf("topics %q and %q have one object, %s", name, other, object)
		}
		seen[object] = name
	}
	if topicObject("clicks.raw") != "clicks.raw" {
		t.Error("a name that Kubernetes takes is not kept as it is")
	}
}

func TestMinorsAreTheirNewestPatch(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{"": newest, "4.2": "4.2.1", "4.2.0": "4.2.0", "4.3": newest, "4.1": "", "4": newest} {
		got, err := versionOf(entry{Spec: v1alpha1.Messaging{Version: asked}})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("version %q becomes %q (%v), want %q", asked, got, err, want)
		}
	}
}

// moving is a platform in which messages go from one entry to another.
func moving() product.Platform {
	return product.Platform{Platform: &v1alpha1.Platform{Spec: v1alpha1.Spec{Messaging: map[string]v1alpha1.Messaging{
		"old": {Product: "kafka", Topics: map[string]v1alpha1.Topic{"clicks": {Partitions: new(12)}, "old.only": {}}},
		"new": {Product: "kafka", Topics: map[string]v1alpha1.Topic{"clicks": {Partitions: new(12)}}, MigrateFrom: "messaging/old"},
	}}}}
}

func TestAMirrorReadsTheOldAndWritesTheNewAndNoMore(t *testing.T) {
	t.Parallel()
	p := moving()
	acls := func(name string) []any {
		m := maker{entry: entry{ID: graph.ID("messaging/" + name), Name: name, Spec: p.Spec.Messaging[name]}, platform: p}
		return m.mirrorACLs()
	}
	for _, row := range []struct {
		at, kind, name, operation string
		want                      bool
	}{
		{"old", "topic", "clicks", "Read", true}, {"old", "topic", "clicks", "Write", false}, {"old", "topic", "mm2-offset-syncs.old.internal", "Create", false},
		{"old", "group", "*", "Describe", true}, {"old", "group", "*", "Read", false}, {"old", "topic", "k8or-probe", "Read", false},
		{"new", "topic", "clicks", "Write", true}, {"new", "topic", "clicks", "Delete", false}, {"new", "topic", "k8or-mirror-offset", "Create", true},
		{"new", "topic", "old.checkpoints.internal", "Write", true}, {"new", "topic", "payments", "Write", false}, {"new", "group", "*", "Read", true},
	} {
		if got := allows(acls(row.at), row.kind, row.name, row.operation); got != row.want {
			t.Errorf("at the %s one, %s of the %s %s is allowed: %v, want %v", row.at, row.operation, row.kind, row.name, got, row.want)
		}
	}
	if alone := (maker{entry: entry{ID: "messaging/other", Name: "other"}, platform: p}).mirrorACLs(); alone != nil {
		t.Errorf("a Kafka that takes no part in a move has a user for it: %v", alone)
	}
}

func TestWhatCannotBeMirroredIsRefused(t *testing.T) {
	t.Parallel()
	refused := func(change func(m map[string]v1alpha1.Messaging)) string {
		p := moving()
		change(p.Spec.Messaging)
		var out []string
		for _, r := range messaging.CheckMirror(p, entry{ID: "messaging/new", Name: "new", Spec: p.Spec.Messaging["new"]}) {
			out = append(out, r.Field+": "+r.What+"; "+r.Fix)
		}
		return strings.Join(out, "\n")
	}
	if got := refused(func(map[string]v1alpha1.Messaging) {}); got != "" {
		t.Errorf("what can be mirrored is refused: %s", got)
	}
	for want, change := range map[string]func(m map[string]v1alpha1.Messaging){
		"topics.clicks.partitions: the topic clicks has 12 partitions in messaging/old and 6 here; write partitions: 12": func(m map[string]v1alpha1.Messaging) {
			m["new"].Topics["clicks"] = v1alpha1.Topic{Partitions: new(6)}
		},
		"no topic is in both": func(m map[string]v1alpha1.Messaging) { delete(m["new"].Topics, "clicks") },
		"cannot mirror from messaging/old": func(m map[string]v1alpha1.Messaging) {
			m["old"] = v1alpha1.Messaging{Product: "existing"}
		},
	} {
		if got := refused(change); !strings.Contains(got, want) {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

func TestATopicsConfigIsWhatDigitalOceanKnows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		value any
		says  string
	}{
		"cleanup.polict":    {"compact", `did you mean "cleanup_policy"?`},
		"cleanup_policy":    {"compact,delete", "delete, compact or compact_delete"},
		"retention.ms":      {"a week", "a whole number"},
		"segment.bytes":     {1048576.0, ""},
		"max_message_bytes": {1048576.0, ""},
	} {
		e := entry{ID: "messaging/events", Name: "events", Spec: v1alpha1.Messaging{Topics: map[string]v1alpha1.Topic{"clicks": {Config: map[string]any{name: tt.value}}}}}
		refused := checkManaged(e)
		if tt.says == "" && len(refused) > 0 || tt.says != "" && (len(refused) != 1 || refused[0].Field != v1alpha1.Join("topics.clicks.config", name) || !strings.Contains(refused[0].Why+refused[0].Fix, tt.says)) {
			t.Errorf("%s: %v: got %q, want it to say %q", name, tt.value, refused, tt.says)
		}
	}
}
