// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// DNS is how the names of gateways come to lead to them, and how they are proven to who signs their
// certificates. The names' zones are domains at DigitalOcean.
type DNS struct {
	// Token is a DigitalOcean token that may read and write domains and nothing else: scopes
	// domain:read, domain:create, domain:update and domain:delete. It is kept in Secrets of the cluster,
	// for external-dns and cert-manager. The token that k8or itself runs with is never put there. A
	// Secret that names no namespace is looked for in support-external-dns.
	//
	// +required
	// +example={"from": {"env": "DNS_TOKEN"}}
	Token Secret `json:"token"`
	// Policy is upsert-only, with which external-dns never deletes a record, or sync, with which it
	// deletes those of this platform that no Service asks for any more. With either, k8or deletes them
	// when a name leaves the document, and in down.
	//
	// +default="upsert-only"
	// +enum=upsert-only;sync
	Policy string `json:"policy,omitempty"`
}

// Support is a helper that other products need and that somebody else runs in the cluster. Without
// an entry here, k8or installs each helper that something needs, and takes it away with the last that
// needed it.
type Support struct {
	// Product is existing: k8or uses what is there, and never installs, changes or removes it.
	//
	// +required
	// +enum=existing
	Product string `json:"product"`
}
