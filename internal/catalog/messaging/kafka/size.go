// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/unit"
)

// pod is what one pod requests, and what Java may use of it: the rest is the page cache, which Kafka lives by.
type pod struct {
	cpu    unit.MilliCPU
	memory unit.MiB
	limit  unit.MiB
	heap   unit.MiB // at most half of the memory; 0 for what is no Java or sizes itself
}

// size is what one word of the document sets together.
type size struct {
	broker, controller       pod
	entity, cruise, exporter pod // each of the entity operator's two, Cruise Control, the exporter of consumers' lag
	disk                     string
}

var sizes = map[string]size{
	"small": {broker: pod{250, 1024, 1536, 512}, controller: pod{100, 512, 768, 256},
		entity: pod{50, 192, 384, 0}, cruise: pod{100, 512, 768, 256}, exporter: pod{20, 64, 128, 0}, disk: "20Gi"},
	"medium": {broker: pod{500, 2048, 3072, 1024}, controller: pod{200, 1024, 1024, 512},
		entity: pod{100, 256, 384, 0}, cruise: pod{200, 768, 1024, 384}, exporter: pod{50, 96, 192, 0}, disk: "50Gi"},
	"large": {broker: pod{1000, 4096, 6144, 2048}, controller: pod{250, 1024, 1536, 512},
		entity: pod{100, 384, 512, 0}, cruise: pod{300, 1024, 1536, 512}, exporter: pod{100, 128, 256, 0}, disk: "200Gi"},
}

// controllerDisk holds the metadata log, which stays small.
const controllerDisk = "5Gi"

// sizeOf is the size an entry asked for; the document's rules let through none but these.
func sizeOf(m v1alpha1.Messaging) size {
	if z, ok := sizes[m.Size]; ok {
		return z
	}
	return sizes["small"]
}

func brokersOf(m v1alpha1.Messaging) int {
	if m.Brokers == nil {
		return 3
	}
	return *m.Brokers
}

// controllersOf is the size of the quorum: three survive the loss of one, and more than one broker is worth that.
func controllersOf(brokers int) int {
	if brokers > 1 {
		return 3
	}
	return 1
}

// copiesOf is on how many brokers Kafka keeps its own topics, and inSyncOf how many of them must have a message.
func copiesOf(brokers int) int { return min(3, brokers) }

func inSyncOf(copies int) int { return max(1, copies-1) }

// diskOf is each broker's disk.
func diskOf(m v1alpha1.Messaging) string {
	if m.Storage != nil && m.Storage.Size != "" {
		return string(m.Storage.Size)
	}
	return sizeOf(m).disk
}

// classOf is the storage class of all disks: one that keeps them unless the document says otherwise.
func classOf(m v1alpha1.Messaging) string {
	if m.Storage != nil && m.Storage.Class != "" {
		return m.Storage.Class
	}
	return "do-block-storage-retain"
}

// resources are a pod's, as a custom resource has them.
func (p pod) resources() map[string]any {
	return map[string]any{
		"requests": map[string]any{"cpu": p.cpu.String(), "memory": p.memory.String()},
		"limits":   map[string]any{"memory": p.limit.String()},
	}
}

// java are the bounds of a pod's heap.
func (p pod) java() map[string]any {
	heap := fmt.Sprintf("%dm", int(p.heap))
	return map[string]any{"-Xms": heap, "-Xmx": heap}
}
