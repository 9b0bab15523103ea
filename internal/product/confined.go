// SPDX-License-Identifier: Apache-2.0

package product

import corev1 "k8s.io/api/core/v1"

// Confined is the security context of a container that keeps to the restricted profile of the Pod Security Standards, whatever
// its pod says: no root, no way to more rights, no capability, and the runtime's own filter of system calls. Each call gives
// one of its own, to which more may be added, such as a root file system that nobody writes to.
func Confined() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false), RunAsNonRoot: new(true),
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}
