// SPDX-License-Identifier: Apache-2.0

// Package probe has what proves that a product does its job: client code that speaks to it as its users do. A probe is data,
// so that a Job in the cluster can be handed it; credentials are named as files that the Job mounts, never written in it.
package probe

import "time"

// Spec is one proof. Exactly one of its fields beside Timeout is given.
type Spec struct {
	// Timeout is how long it may take in all; zero means a minute.
	Timeout time.Duration `json:"timeout,omitempty"`

	HTTP        *HTTP        `json:"http,omitempty"`
	Database    *Database    `json:"database,omitempty"`
	Kafka       *Kafka       `json:"kafka,omitempty"`
	Prometheus  *Prometheus  `json:"prometheus,omitempty"`
	Alert       *Alert       `json:"alert,omitempty"`
	Logs        *Logs        `json:"logs,omitempty"`
	Forward     *Forward     `json:"forward,omitempty"`
	Registry    *Registry    `json:"registry,omitempty"`
	Bucket      *Bucket      `json:"bucket,omitempty"`
	Certificate *Certificate `json:"certificate,omitempty"`
	Mesh        *Mesh        `json:"mesh,omitempty"`
	Mirror      *Mirror      `json:"mirror,omitempty"`
	DNS         *DNS         `json:"dns,omitempty"`
	Egress      *Egress      `json:"egress,omitempty"`
	Outside     *Outside     `json:"outside,omitempty"`
	Scheduled   *Scheduled   `json:"scheduled,omitempty"`
	Restored    *Restored    `json:"restored,omitempty"`
}

// HTTP asks for a page as a stranger would.
type HTTP struct {
	// URL is asked for; Address, when given, is connected to in place of the URL's host: a load balancer whose name DNS does
	// not know yet.
	URL     string `json:"url"`
	Address string `json:"address,omitempty"`
	// Status is the answer wanted; zero takes anything from 200 to 399, and 404 of a gateway that serves no route is told apart.
	Status int `json:"status,omitempty"`
	// Any takes every answer that comes from behind a gateway, such as 401 or an app's own 404: anything but the gateway's page
	// for what it has no route for, its 502, 503 and 504, and what Behind tells to be its own.
	Any bool `json:"any,omitempty"`
	// Behind is a header that a gateway puts on what comes from behind it and never on an answer of its own, such as Kong's Via.
	Behind string `json:"behind,omitempty"`
	// Refusals are the statuses by which the gateway itself may refuse, such as 403 to who comes from elsewhere than it lets in. Without
	// Any it has to refuse by one of them.
	Refusals []int `json:"refusals,omitempty"`
	// SentOn says that whoever asks for the same by plain HTTP has to be sent on to URL, which is HTTPS.
	SentOn bool `json:"sentOn,omitempty"`
	// Unverified speaks HTTPS and does not look who signed the certificate, nor for whom.
	Unverified bool `json:"unverified,omitempty"`
	// ProxyProtocol begins with what a load balancer that speaks the PROXY protocol says first: within the cluster Kubernetes leads
	// past it, to a gateway that takes nobody who does not say so.
	ProxyProtocol bool `json:"proxyProtocol,omitempty"`
	// CA is a file with the certificate authority to believe, Username and Password files to sign in with, and Key a file with what
	// is sent as X-API-Key.
	CA       string `json:"ca,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	Key      string `json:"key,omitempty"`
	// Token is a file with what is sent as a bearer token.
	Token string `json:"token,omitempty"`
	// Holds is a text that the answer has to hold; empty for none.
	Holds string `json:"holds,omitempty"`
}

// Kafka produces a message to a topic and consumes it again, with the credentials that an app gets. Without a topic it only signs in.
type Kafka struct {
	// Binding is the folder of a servicebinding.io Secret: bootstrap-servers, username, password, ca.crt, and sasl-mechanism,
	// which is SCRAM-SHA-512 where it is missing. Without username there is no signing in; without ca.crt there is TLS only where
	// security-protocol says so, by authorities that the system trusts.
	Binding string `json:"binding"`
	Topic   string `json:"topic,omitempty"`
	// Topics are of others, who would read what is written there: in place of a message, each is read from, the broker is asked for
	// leave to write to it where Writes says so, and to consume in Group, if there is one.
	Topics []string `json:"topics,omitempty"`
	Writes bool     `json:"writes,omitempty"`
	Group  string   `json:"group,omitempty"`
}

// Mirror compares topics in two Kafkas: all messages that the source has are in the target too, and groups of consumers go on there
// from where they are.
type Mirror struct {
	// Source and Target are the folders of their Bindings, as [Kafka] takes them.
	Source string   `json:"source"`
	Target string   `json:"target"`
	Topics []string `json:"topics"`
}

// Prometheus asks whether every target is up.
type Prometheus struct {
	URL string `json:"url"`
	// Targets are the scrape pools that have to be there, each with at least one target, and none that is not up.
	Targets []string `json:"targets"`
	// All says that every other target that it scrapes has to be up too, whoever named it.
	All bool `json:"all,omitempty"`
}

// Alert raises a test alert at Alertmanager and finds it among those that are routed to a receiver. The ways into Alertmanager and out of
// it are proven by what goes along them all the time: an alert of Prometheus' own, and what receivers were told lately.
type Alert struct {
	URL string `json:"url"`
	// Name is the alert's name, such as one that is routed to nobody who would be woken; empty for the probe's own.
	Name string `json:"name,omitempty"`
	// Receiver is the receiver it has to be routed to; empty for any.
	Receiver string `json:"receiver,omitempty"`
	// Always is an alert that Prometheus raises as long as it lives, and Alertmanager has to have: Watchdog. Empty for none.
	Always string `json:"always,omitempty"`
	// Heartbeat is the receiver that Always has to be routed to, a webhook that is called each minute; empty for any.
	Heartbeat string `json:"heartbeat,omitempty"`
	// Prometheus is asked how many of Alertmanager's notifications failed lately; Job is what it calls Alertmanager. Empty for not asked.
	Prometheus string `json:"prometheus,omitempty"`
	Job        string `json:"job,omitempty"`
}

// Logs writes a unique line to standard output and finds it again in an index of Elasticsearch's or OpenSearch's.
type Logs struct {
	// URL is the server's; Host and Port are files with its address, over TLS, where no URL is given.
	URL  string `json:"url,omitempty"`
	Host string `json:"host,omitempty"`
	Port string `json:"port,omitempty"`
	// Index is the index, data stream or pattern that is searched.
	Index string `json:"index"`
	// Field holds the line's text.
	Field string `json:"field"`
	// CA, Username and Password are files.
	CA       string `json:"ca,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// Quiet writes no line and looks for none: it proves no more than that the index answers a search.
	Quiet bool `json:"quiet,omitempty"`
}

// Forward hands one record to what takes Fluentd's forward protocol, and wants it acknowledged: that it was taken in, and not what became
// of it then.
type Forward struct {
	Address string `json:"address"` // host:port
	// TLS is by authorities that the system trusts.
	TLS bool `json:"tls,omitempty"`
	// Key is a file with the words that both ends know; empty where it asks for none.
	Key string `json:"key,omitempty"`
}

// Registry pushes a small image, pulls it, compares digests, and deletes it. With SignIn it only signs in, and asks for an image that
// need not be there: what credentials can do that may not push. With Reference it asks for an image that has to be there.
type Registry struct {
	// Host is the registry's name, Repository where the image goes.
	Host       string `json:"host"`
	Repository string `json:"repository"`
	// Config is a file in the form of Docker's config.json; empty for a registry that asks for no credentials.
	Config string `json:"config,omitempty"`
	// Plain speaks HTTP, for a registry reached within the cluster.
	Plain  bool `json:"plain,omitempty"`
	SignIn bool `json:"signIn,omitempty"`
	// Reference is a tag or a digest; empty for none.
	Reference string `json:"reference,omitempty"`
}

// Bucket puts a small object, gets it again, and deletes it, with the key that an app gets.
type Bucket struct {
	// Binding is the folder of a servicebinding.io Secret: endpoint, region, bucket, access-key-id and secret-access-key.
	Binding string `json:"binding"`
	// Ask only lists: what a key can do that may not write.
	Ask bool `json:"ask,omitempty"`
}

// Certificate looks at what a server shows for a name: valid, for that name, and not about to end.
type Certificate struct {
	Address string `json:"address"` // host:port
	Name    string `json:"name"`
	// Left is the least time it must still be valid; zero means a week.
	Left time.Duration `json:"left,omitempty"`
	// CA is a file with the authority to believe instead of the system's.
	CA string `json:"ca,omitempty"`
	// ProxyProtocol is that of [HTTP].
	ProxyProtocol bool `json:"proxyProtocol,omitempty"`
}

// Mesh calls a peer and finds, in the metrics of the proxy that it calls by, that the connection was mutual TLS.
type Mesh struct {
	URL string `json:"url"`
	// Metrics is the proxy's page, which is a sidecar's or that of the node, Counter the series that must have grown, with the labels that say mutual TLS.
	Metrics string `json:"metrics"`
	Counter string `json:"counter"`
}

// Outside calls a peer of the mesh as somebody who is not in it, and wants to be refused.
type Outside struct {
	// URL is the peer's, with its port: http://web.apps.svc:8080/.
	URL string `json:"url"`
	// Forbidden says that sidecars refuse by 403 without a word. So may an app, but not only to callers outside: the Mesh probe of
	// the same app fails by that.
	Forbidden bool `json:"forbidden,omitempty"`
}

// Scheduled asks Kubernetes whether a schedule does its work: the newest of what it makes is whole, and no older than the schedule says.
type Scheduled struct {
	// API is the API server, CA and Token files to ask it with.
	API   string `json:"api"`
	CA    string `json:"ca,omitempty"`
	Token string `json:"token,omitempty"`
	// Schedule is the path of the object that has the schedule. One that is younger than a run could be late has made nothing yet.
	Schedule string `json:"schedule"`
	// Every is the longest time between two runs, and Takes how long one may take.
	Every time.Duration `json:"every"`
	Takes time.Duration `json:"takes"`
	// Made is the path of the list of what it makes.
	Made string `json:"made"`
	// Field is the field that says how one of these is: done when it is Whole, and badly when it is one of Spoiled; else it is being made.
	Field   string   `json:"field"`
	Whole   string   `json:"whole"`
	Spoiled []string `json:"spoiled,omitempty"`
	// Succeeded is the field of the schedule's object with the time when a run last ended well, of one whose runs may have nothing to make;
	// empty where the newest whole one tells.
	Succeeded string `json:"succeeded,omitempty"`
}
