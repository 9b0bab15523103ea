// SPDX-License-Identifier: Apache-2.0

// Package digitalocean is DigitalOcean as far as k8or uses it: a narrow [Client], and the kinds of thing that a platform
// has there. It is the only package that knows the provider's SDK.
//
// An [Estate] is one platform's part of an account: it knows the platform's [Mark] and yields the kinds by which its
// things are found again and pruned. Resources are made on it: [Project], [Members], [VPC], [Cluster], [NodePool] and
// the read-only [ExistingCluster]. What a cluster leaves behind has kinds and no resources: load balancers, volumes and
// snapshots. [Lock] makes one run the only writer. docs/lifecycle.md says for each kind where its mark lives.
//
// Every error of a call carries its class for the engine (see package graph) and an [Error] with call, status and
// request id. The token is in no error and no output.
package digitalocean
