// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/probe"
	"github.com/k8or/k8or/internal/product"
)

// Times of a probe's Job, beside the Spec's own.
const (
	toStart    = 2 * time.Minute  // until its container runs: the image may have to be pulled first
	toClean    = 15 * time.Second // to take it away, also after an interruption
	sweepAfter = 30 * time.Minute // no probe takes so long: what is older is of a run that was killed
	lookEvery  = time.Second
)

// prover runs probes in one cluster.
type prover struct {
	*Platform
	cluster *kube.Cluster
	sets    []kube.Set
	image   string
}

// prove runs one probe's Job to its end and takes it away. Where no containers run, it looks at everything that the Job would
// have needed, and says what that leaves open.
func (v prover) prove(ctx context.Context, one product.Probe) (found probe.Finding, err error) {
	began := time.Now()
	defer func() { found.Elapsed = max(found.Elapsed, time.Since(began).Seconds()) }()
	spec, why, err := v.arrive(ctx, one)
	if err != nil || why != "" {
		return failed(one, why, ""), err
	}
	if why := badly(one); why != "" {
		return failed(one, why, "this is a mistake in k8or: please report it"), nil
	}
	lacks, has, err := v.secrets(ctx, one)
	if err != nil || lacks != "" {
		return failed(one, lacks, ""), err
	}
	into, err := v.into(ctx, one, spec)
	if err != nil {
		return found, err
	}
	job, err := probeJob(one, spec, v.image)
	if err != nil {
		return found, err
	}
	task := kube.Task{Job: job, Into: into}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), toClean)
		defer cancel()
		if e := v.cluster.EndTask(ending, task); e != nil {
			err = errors.Join(err, fmt.Errorf("the probe's Job could not be taken away; it goes by itself within %s: %w", keepJob, e))
		}
	}()
	if err := v.cluster.StartTask(ctx, task); err != nil {
		if refused, ok := errors.AsType[*kube.RejectedError](err); ok {
			return failed(one, "the cluster refuses its Job: "+refused.Err.Error(), fmt.Sprintf("`k8or why %s`", one.Entry)), nil
		}
		return found, err
	}
	state, err := v.wait(ctx, task, cmp.Or(spec.Timeout, probe.Standard)+toStart)
	if err != nil {
		return found, err
	}
	switch {
	case v.options.Sandbox && state.Node != "":
		if spec.Egress != nil {
			has = append(has, "the NAT gateway's address is "+spec.Egress.Address)
		}
		return v.simulated(ctx, one, state, into, has)
	case state.Lost != "":
		return failed(one, "its Job did not run: "+state.Lost, ""), nil
	case !state.Ended:
		return failed(one, "its Job did not end in time: "+state.Waiting, ""), nil
	}
	return v.said(one, state), nil
}

// wait looks at a task until it ends, or in a sandbox until its pod has a node, or until the time is over.
func (v prover) wait(ctx context.Context, t kube.Task, limit time.Duration) (kube.TaskState, error) {
	over, tick := time.NewTimer(limit), time.NewTicker(lookEvery)
	defer over.Stop()
	defer tick.Stop()
	for {
		state, err := v.cluster.LookTask(ctx, t.Job.Namespace, t.Job.Name, probeContainer)
		if err != nil || state.Ended || state.Lost != "" || v.options.Sandbox && state.Node != "" {
			return state, err
		}
		select {
		case <-ctx.Done():
			return state, context.Cause(ctx)
		case <-over.C:
			return state, nil
		case <-tick.C:
		}
	}
}

// said is the finding that a Job handed over as its last words.
func (v prover) said(one product.Probe, s kube.TaskState) probe.Finding {
	var found probe.Finding
	if err := json.Unmarshal([]byte(s.Said), &found); err != nil || found.State == "" || (found.State == probe.Passed) != (s.Code == 0) {
		return failed(one, fmt.Sprintf("its Job ended with exit code %d and without a finding", s.Code), "the image of the probe, "+v.image)
	}
	if found.State == probe.Failed {
		found.Look = looks(found.Look, one.Look)
	}
	return found
}

func failed(one product.Probe, why, look string) probe.Finding {
	return probe.Finding{State: probe.Failed, Message: why, Look: looks(look, one.Look)}
}

// looks joins what the probe and what the product say of where to look.
func looks(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), "; ")
}

// arrive fills in what is known only once it stands: the address of the load balancer that a probe goes in by, or of the NAT
// gateway that it goes out by.
func (v prover) arrive(ctx context.Context, one product.Probe) (probe.Spec, string, error) {
	s := one.Spec
	if s.Egress != nil {
		egress := *s.Egress
		address, err := v.estate.EgressAddress(ctx, graph.NewCall())
		if err != nil || address == "" {
			return s, "there is no active NAT gateway", err
		}
		egress.Address = address
		s.Egress = &egress
	}
	if one.Via == "" {
		return s, "", nil
	}
	address, err := v.balancer(ctx, one.Via)
	if err != nil {
		return s, "", err
	}
	if address == "" {
		return s, fmt.Sprintf("the load balancer of %s has no address", one.Via), nil
	}
	switch {
	case s.HTTP != nil:
		http := *s.HTTP
		http.Address = address
		http.URL = strings.Replace(http.URL, "://"+product.AnyHost, "://"+address, 1)
		s.HTTP = &http
	case s.DNS != nil:
		dns := *s.DNS
		dns.Address = address
		s.DNS = &dns
	case s.Certificate != nil:
		certificate := *s.Certificate
		_, port, err := net.SplitHostPort(certificate.Address)
		if err != nil {
			port = "443"
		}
		certificate.Address = net.JoinHostPort(address, port)
		s.Certificate = &certificate
	}
	return s, "", nil
}

// balancer is the address of a node's load balancer, empty while it has none.
func (v prover) balancer(ctx context.Context, node graph.ID) (string, error) {
	for _, set := range v.sets {
		if set.Known["node"] != string(node) {
			continue
		}
		all, err := v.cluster.Addresses(ctx, set)
		if err != nil {
			return "", err
		}
		for _, service := range slices.Sorted(maps.Keys(all)) {
			if len(all[service]) > 0 {
				return all[service][0], nil
			}
		}
	}
	return "", nil
}

// badly says what is wrong with a probe as its product wrote it.
func badly(one product.Probe) string {
	if one.Spec.Kind() == "" {
		return "its probe does not say what to prove"
	}
	for path, key := range one.Files {
		if key.Namespace != probeNamespace(one) {
			return fmt.Sprintf("its probe runs in %s and wants %s of %s, which pods there cannot see", probeNamespace(one), path, key)
		}
	}
	return ""
}

// secrets looks whether what the Job mounts is there: what is lacking, and what is there.
func (v prover) secrets(ctx context.Context, one product.Probe) (lacks string, has []string, err error) {
	for _, path := range slices.Sorted(maps.Keys(one.Files)) {
		key := one.Files[path]
		value, there, err := v.cluster.SecretValue(ctx, key)
		if err != nil {
			return "", nil, err
		}
		if !there || len(value) == 0 {
			return fmt.Sprintf("the Secret %s/%s has no key %s", key.Namespace, key.Name, key.Key), nil, nil
		}
		has = append(has, fmt.Sprintf("Secret %s/%s has the key %s", key.Namespace, key.Name, key.Key))
	}
	return "", has, nil
}

// into are the Services of the cluster that a probe calls. Kafka's are in the Binding.
func (v prover) into(ctx context.Context, one product.Probe, spec probe.Spec) ([]kube.ServicePort, error) {
	addresses := spec.Reaches()
	if spec.Kafka != nil {
		if key, ok := one.Files[strings.Trim(strings.TrimPrefix(spec.Kafka.Binding, probe.Folder), "/")+"/bootstrap-servers"]; ok {
			servers, _, err := v.cluster.SecretValue(ctx, key)
			if err != nil {
				return nil, err
			}
			addresses = append(addresses, strings.Split(strings.TrimSpace(string(servers)), ",")...)
		}
	}
	var out []kube.ServicePort
	for _, address := range addresses {
		if s, ok := kube.ServiceOf(address); ok && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out, nil
}

// simulated says what was looked at of a probe whose container did not run. What was looked at and is not right is a failure
// all the same.
func (v prover) simulated(ctx context.Context, one product.Probe, s kube.TaskState, into []kube.ServicePort, has []string) (probe.Finding, error) {
	f := probe.Finding{State: probe.Simulated, Message: "nothing was proven: no containers run in the sandbox",
		Checked: append([]string{"its Job was accepted, and its pod given to node " + s.Node}, has...), Unchecked: []string{one.Proves}}
	for _, service := range into {
		ready, all, there, err := v.cluster.Backing(ctx, service)
		switch {
		case err != nil:
			return f, err
		case !there:
			return failed(one, fmt.Sprintf("the Service %s is not there", service), ""), nil
		case all > 0 && ready == 0:
			return failed(one, fmt.Sprintf("none of the %d pods behind the Service %s is ready", all, service), ""), nil
		case all == 0:
			f.Unchecked = append(f.Unchecked, fmt.Sprintf("what is behind the Service %s: no pod is", service))
		default:
			f.Checked = append(f.Checked, fmt.Sprintf("%d of %d pods behind the Service %s are ready", ready, all, service))
		}
	}
	if one.Via != "" {
		f.Checked = append(f.Checked, fmt.Sprintf("the load balancer of %s has an address", one.Via))
	}
	return f, nil
}
