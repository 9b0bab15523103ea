// SPDX-License-Identifier: Apache-2.0

// Package event is the one log of everything that happens in a run. Terminal tree, plain lines, NDJSON and the run log
// kept for post-mortems are all readers of it; none of them is told anything another one is not.
//
// An event never carries a secret: messages are made of names, states and causes.
package event

import (
	"cmp"
	"sync"
	"time"
)

// Version is the version of the event format that `-o json` prints. It grows when a field changes its meaning.
const Version = 1

// Type says what happened.
type Type string

// The types of events, in the order in which a node meets them.
const (
	RunStarted  Type = "run-started"
	NodeStarted Type = "node-started" // its inputs are ready; Action says what is about to be done
	NodeWaiting Type = "node-waiting" // it is on its way; Message says how far, or what is waited for, as it is to be read
	NodeRetry   Type = "node-retry"   // a call failed in a way that may pass; Message says why
	NodeDrifted Type = "node-drifted" // it was mended in place though the plan did not speak of it
	NodeDone    Type = "node-done"    // it is as wanted; Action says what was done
	NodeFailed  Type = "node-failed"  // it will not be tried again in this run
	NodeHeld    Type = "node-held"    // it needs an approval that the run does not have
	NodeBlocked Type = "node-blocked" // something it needs failed or is held
	Note        Type = "note"         // a sentence for the reader
	RunDone     Type = "run-done"
)

// Event is one thing that happened.
type Event struct {
	Version int       `json:"version"`
	Seq     int       `json:"seq"`
	Time    time.Time `json:"time"`
	Type    Type      `json:"type"`
	// Node is the id of the node it is about, empty for the run as a whole.
	Node string `json:"node,omitempty"`
	// Name is what a person knows it by, where that is another name than the node: of what goes, the node that made it.
	Name string `json:"name,omitempty"`
	// Kind is the node's kind, such as "digitalocean/cluster".
	Kind string `json:"kind,omitempty"`
	// Action is what is being or was done: create, update, replace, delete, or none.
	Action string `json:"action,omitempty"`
	// Message is a sentence without a full stop.
	Message string `json:"message,omitempty"`
	// Elapsed is how long the node has been under way, in real time.
	Elapsed time.Duration `json:"elapsed,omitempty"`
	// Typical is how long this kind usually takes, in real time (already divided by the sandbox's speed).
	Typical time.Duration `json:"typical,omitempty"`
	// Err is the cause of a retry or failure.
	Err error `json:"-"`
}

// Called is what a person knows the node by.
func (e Event) Called() string { return cmp.Or(e.Name, e.Node) }

// Log collects events in order and hands them to its readers, one at a time. Its zero value is ready for use.
type Log struct {
	mu      sync.Mutex
	seq     int
	readers []func(Event)
}

// Read adds a reader. It is called for every later event, in order, never concurrently, and must not call the log.
func (l *Log) Read(f func(Event)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers = append(l.readers, f)
}

// Add stamps the event with its number and the time, and hands it to the readers. A nil log drops it.
func (l *Log) Add(e Event) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Version, e.Seq, e.Time = Version, l.seq, time.Now()
	for _, f := range l.readers {
		f(e)
	}
}
