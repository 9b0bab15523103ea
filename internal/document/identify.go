// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"slices"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/problem"
)

// identity are the fields that say which platform a document is about and where: what taking it down, looking at it and
// reaching its cluster need.
var identity = []string{"metadata.name", "metadata.uid", "spec.cluster.existing"}

// Identify is Load for verbs that need to know no more than which platform it is. Of a document that is not valid it
// gives what identifies the platform (name, uid, and as far as they can be read region, account and the existing cluster)
// and nothing else, with everything that is wrong. The error is for a document that does not even tell that.
func Identify(available v1alpha1.Available, files ...string) (*Document, problem.List, error) {
	inputs, unread := readAll(files)
	if len(unread) > 0 {
		return nil, nil, unread
	}
	doc, found := attempt(available, inputs)
	if len(found) == 0 {
		return doc, nil, nil
	}
	if doc.Platform == nil || doc.Platform.Metadata.Name == "" || slices.ContainsFunc(found, hidesIdentity) {
		return nil, nil, append(found, &problem.Problem{Code: problem.NoIdentity, Kind: problem.Usage,
			Title: fmt.Sprintf("%s does not even tell which platform it is about", doc.Files[0]),
			Why:   "that takes metadata.name and metadata.uid",
			Fix: "mend the document, or write a small one by hand and name it with -f:\n" +
				"  apiVersion: " + v1alpha1.APIVersion + "\n  kind: " + v1alpha1.Kind + "\n  metadata: {name: NAME, uid: UID}\n  spec: {region: REGION}\n" +
				"the cluster's tag at DigitalOcean is k8or:NAME-UID"})
	}
	whole := doc.Platform
	doc.Platform = &v1alpha1.Platform{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.Kind}
	doc.Platform.Metadata.Name, doc.Platform.Metadata.UID = whole.Metadata.Name, whole.Metadata.UID
	doc.Platform.Spec.Region, doc.Platform.Spec.Account = whole.Spec.Region, whole.Spec.Account
	doc.Platform.Spec.Cluster.Existing = whole.Spec.Cluster.Existing
	return doc, found, nil
}

// hidesIdentity says of a problem that a field that identifies the platform is not as it is read.
func hidesIdentity(p *problem.Problem) bool {
	return slices.ContainsFunc(identity, func(path string) bool {
		return p.Path == path || p.Path != "" && within(path, p.Path) && p.Code == problem.WrongType
	})
}
