// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/k8or/k8or/api/v1alpha1"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/problem"
	"github.com/k8or/k8or/internal/product"
)

// bindingRoot is where an app finds the Secrets of what it uses, one folder an entry, as the servicebinding.io specification
// has it.
const bindingRoot = "/bindings"

// use is one entry that an app uses, with the folder of its files and the beginning of its variables.
type use struct {
	product.Binding
	folder string
}

// uses are the bindings of what the app has in its `uses`, in that order, and then of what it has in its `reads`.
func uses(b *product.Building, e entry) ([]use, error) {
	offered := b.Bindings(e.ID)
	var out []use
	for i, id := range e.Spec.Entries() {
		field := "uses"
		if i >= len(e.Spec.Uses) {
			field, i = "reads", i-len(e.Spec.Uses)
		}
		at := slices.IndexFunc(offered, func(o product.Binding) bool { return o.Entry == graph.ID(id) })
		if at < 0 {
			return nil, &problem.Problem{Code: v1alpha1.CodeUsesNothing, Kind: problem.Usage, Path: fmt.Sprintf("spec.apps.%s.%s[%d]", e.Name, field, i),
				Title: fmt.Sprintf("%s hands out no credentials that an app could use", id), Why: "its product offers none to apps",
				Fix: "remove it from " + field + ", or choose another product for " + id}
		}
		u := use{offered[at], id[strings.LastIndexByte(id, '/')+1:]}
		if slices.ContainsFunc(out, func(o use) bool { return o.folder == u.folder }) { // databases/events beside messaging/events
			u.folder = strings.ReplaceAll(id, "/", "-")
		}
		out = append(out, u)
	}
	return out, nil
}

// follows are the Secrets of what an app uses: it starts anew when one of them holds something else.
func follows(all []use) []product.Follow {
	var out []product.Follow
	for _, u := range all {
		out = append(out, u.Follow())
	}
	return out
}

// after are the nodes that write them, behind one more.
func after(all []use, before graph.ID) []graph.ID {
	out := []graph.ID{before}
	for _, u := range all {
		out = append(out, u.Ready)
	}
	return out
}

// env are the variables of an entry: EVENTS_BOOTSTRAP_SERVERS for the key bootstrap-servers of messaging/events.
func (u use) env() []corev1.EnvVar {
	shout := strings.NewReplacer("-", "_", ".", "_")
	var out []corev1.EnvVar
	for _, key := range u.Keys {
		out = append(out, corev1.EnvVar{Name: strings.ToUpper(shout.Replace(u.folder + "_" + key)), ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: u.Secret}, Key: key}}})
	}
	return out
}

// bind gives a container what the app uses, in the ways that it chooses.
func (m maker) bind(p *corev1.PodSpec, c *corev1.Container) {
	if len(m.uses) == 0 {
		return
	}
	if m.Spec.Bindings != "files" {
		m.variables(c)
	}
	if m.Spec.Bindings != "env" {
		m.files(p, c)
	}
}

// variables are what the app uses as its environment. A variable that the document sets itself stays.
func (m maker) variables(c *corev1.Container) {
	for _, u := range m.uses {
		for _, v := range u.env() {
			if _, own := m.Spec.Env[v.Name]; !own {
				c.Env = append(c.Env, v)
			}
		}
	}
}

// files are what the app uses as a folder each, and the variable that says where they are.
func (m maker) files(p *corev1.PodSpec, c *corev1.Container) {
	volume := &corev1.ProjectedVolumeSource{}
	for _, u := range m.uses {
		secret := &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: u.Secret}}
		for _, key := range u.Keys {
			secret.Items = append(secret.Items, corev1.KeyToPath{Key: key, Path: u.folder + "/" + key})
		}
		volume.Sources = append(volume.Sources, corev1.VolumeProjection{Secret: secret})
	}
	if _, own := m.Spec.Env["SERVICE_BINDING_ROOT"]; !own {
		c.Env = append(c.Env, corev1.EnvVar{Name: "SERVICE_BINDING_ROOT", Value: bindingRoot})
	}
	p.Volumes = append(p.Volumes, corev1.Volume{Name: "k8or-bindings", VolumeSource: corev1.VolumeSource{Projected: volume}})
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "k8or-bindings", MountPath: bindingRoot, ReadOnly: true})
}
