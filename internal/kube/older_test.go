// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestASecretIsWrittenWhenK8orWritesIt(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	at := func(minutes int) *metav1.Time {
		return new(metav1.NewTime(made.Add(time.Duration(minutes) * time.Minute)))
	}
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(made)}}
	if got := lastWritten(s); !got.Equal(made) {
		t.Errorf("a Secret that was never changed was written at %s, want when it was made", got)
	}
	s.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: FieldManager, Time: at(5)}, {Manager: "kubectl", Time: at(9)}, {Manager: FieldManager}}
	if got := lastWritten(s); !got.Equal(at(5).Time) {
		t.Errorf("it was written at %s, want five minutes after it was made: somebody else's label is no new password", got)
	}
}

func TestAPodNamesItsSecrets(t *testing.T) {
	t.Parallel()
	local := corev1.LocalObjectReference{Name: "binding"}
	container := func(c corev1.Container) corev1.PodSpec { return corev1.PodSpec{InitContainers: []corev1.Container{c}} }
	volume := func(v corev1.VolumeSource) corev1.PodSpec {
		return corev1.PodSpec{Volumes: []corev1.Volume{{Name: "files", VolumeSource: v}}}
	}
	for what, test := range map[string]struct {
		pod  corev1.PodSpec
		want bool
	}{
		"one variable":      {container(corev1.Container{Env: []corev1.EnvVar{{ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: local}}}}}), true},
		"all its variables": {container(corev1.Container{EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: local}}}}), true},
		"files":             {volume(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "binding"}}), true},
		"files among others": {volume(corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{Secret: &corev1.SecretProjection{LocalObjectReference: local}}}}}), true},
		"another Secret":       {volume(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "other"}}), false},
		"a volume of its name": {volume(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}), false},
	} {
		spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&test.pod)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(spec, "binding"); got != test.want {
			t.Errorf("%s: it names the Secret: %t, want %t", what, got, test.want)
		}
	}
}
