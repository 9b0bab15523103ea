// SPDX-License-Identifier: Apache-2.0

package memkube

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// playJobs runs each Job's pods to success, and removes finished Jobs when their time to live is over.
func (s *Server) playJobs(now time.Time) {
	for _, r := range s.store.list(jobs) {
		job := as[batchv1.Job](r)
		switch {
		case job.DeletionTimestamp != nil, job.Spec.Suspend != nil && *job.Spec.Suspend:
		case job.Status.CompletionTime == nil:
			s.work(r, now)
		case job.Spec.TTLSecondsAfterFinished != nil:
			over := job.Status.CompletionTime.Add(time.Duration(*job.Spec.TTLSecondsAfterFinished) * time.Second)
			if now.Before(over) {
				s.at(over)
				continue
			}
			s.remove(s.kinds[jobs], r, nil)
		}
	}
}

func (s *Server) work(r *record, now time.Time) {
	job := as[batchv1.Job](r)
	status := job.Status.DeepCopy()
	if status.StartTime == nil {
		status.StartTime = new(metav1.NewTime(now))
	}
	status.Active, status.Succeeded, status.Ready = 0, 0, new(int32(0))
	for _, p := range s.podsOf(job.UID) {
		if as[corev1.Pod](p).Status.Phase == corev1.PodSucceeded {
			status.Succeeded++
		} else {
			status.Active++
		}
	}
	want := wanted(job.Spec.Completions)
	for status.Active < wanted(job.Spec.Parallelism) && status.Active+status.Succeeded < want {
		s.makePod(r, fmt.Sprintf("%s-%05x", job.Name, s.store.next()), job.Spec.Template, func(pod *corev1.Pod) {
			pod.Labels[batchv1.JobNameLabel] = job.Name
			pod.Labels[batchv1.ControllerUidLabel] = string(job.UID)
		})
		status.Active++
	}
	if status.Succeeded >= want {
		at := metav1.NewTime(now)
		status.CompletionTime = &at
		for _, kind := range []batchv1.JobConditionType{batchv1.JobSuccessCriteriaMet, batchv1.JobComplete} {
			status.Conditions = append(status.Conditions, batchv1.JobCondition{
				Type: kind, Status: corev1.ConditionTrue, Reason: "CompletionsReached",
				Message: "Reached expected number of succeeded pods", LastProbeTime: at, LastTransitionTime: at,
			})
		}
	}
	s.setStatus(jobs, r, status)
}
