// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Monitoring collects metrics of everything on the platform, draws them and raises alerts.
type Monitoring struct {
	// Product collects them.
	//
	// +default="prometheus"
	Product string `json:"product,omitempty"`
	Choice
	// Retention is how long metrics are kept.
	//
	// +default="15d"
	// +pattern=^[0-9]+[hdw]$
	// +means=a number and a unit, such as 36h, 15d or 4w
	Retention string `json:"retention,omitempty"`
	// Storage is the disk they are kept on; the oldest go when it fills.
	Storage *DiskSpace `json:"storage,omitempty"`
	// Receivers are who is told when an alert is raised, by name.
	//
	// +example={"oncall": {"slack": {"from": {"env": "SLACK_WEBHOOK"}}}}
	Receivers map[string]Receiver `json:"receivers,omitempty"`
	// Heartbeat is an address outside that is called as long as alerting works, so that a dead cluster
	// is noticed.
	Heartbeat *Secret `json:"heartbeat,omitempty"`
	// Reads are databases that Grafana can ask, as a user of its own that reads all that is in them and writes
	// nothing. Whoever signs in to Grafana then sees what they hold.
	//
	// +example=["databases/orders"]
	Reads []string `json:"reads,omitempty"`
	// Console is how people reach Grafana. Left open it is private: `k8or open grafana`.
	Console *Console `json:"console,omitempty"`
}

// Receiver is somebody who is told of alerts. At least one of its fields is given.
type Receiver struct {
	// Slack is a Slack webhook's address.
	Slack *Secret `json:"slack,omitempty"`
	// PagerDuty is a PagerDuty routing key.
	PagerDuty *Secret `json:"pagerDuty,omitempty"`
	// Webhook is any other address that takes Alertmanager's messages.
	Webhook *Secret `json:"webhook,omitempty"`
	// Email is mail by a server of yours.
	Email *Email `json:"email,omitempty"`
}

// Email is a mail server and whom to write to.
type Email struct {
	// To are the recipients.
	//
	// +required
	// +min=1
	// +example=["oncall@example.com"]
	To []string `json:"to"`
	// From is the sender.
	//
	// +required
	// +example="alerts@example.com"
	From string `json:"from"`
	// Server is the mail server and its port.
	//
	// +required
	// +example="smtp.example.com:587"
	Server string `json:"server"`
	// Username is what to sign in as.
	Username string `json:"username,omitempty"`
	// Password is what to sign in with.
	Password *Secret `json:"password,omitempty"`
}

// Console is how people reach a web page of a product.
type Console struct {
	// Host makes the page public under this name, with sign-in. Left open it is private.
	//
	// +example="grafana.example.com"
	Host string `json:"host,omitempty"`
	// Allow are the addresses and ranges that may reach a public page.
	//
	// +example=["198.51.100.0/24"]
	Allow []string `json:"allow,omitempty"`
	// SSO signs people in with an OpenID Connect provider.
	SSO *ConsoleSSO `json:"sso,omitempty"`
}

// ConsoleSSO is single sign-on to a console.
type ConsoleSSO struct {
	// IssuerURL is the provider.
	//
	// +required
	// +example="https://login.example.com"
	// +pattern=^https://[^\s]+$
	// +means=an address that begins with https://
	IssuerURL string `json:"issuerURL"`
	// ClientID is the console's client at the provider.
	//
	// +required
	ClientID string `json:"clientID"`
	// ClientSecret is that client's secret.
	//
	// +required
	ClientSecret Secret `json:"clientSecret"`
}

// Logging collects the logs of every container and node.
type Logging struct {
	// Product collects them.
	//
	// +default="fluentd"
	Product string `json:"product,omitempty"`
	Choice
	// Sink is where they are kept and searched.
	//
	// +required
	Sink Sink `json:"sink"`
}

// Sink is where logs are kept and searched.
type Sink struct {
	// Product keeps them: Elasticsearch with Kibana in the cluster (elk), an OpenSearch of databases
	// (opensearch), or an Elasticsearch of somebody else.
	//
	// +default="elk"
	Product string `json:"product,omitempty"`
	Choice
	// Database is the entry of databases that keeps them, of engine opensearch: for product opensearch.
	//
	// +example="databases/logs"
	Database string `json:"database,omitempty"`
	// Retention is how long logs are kept.
	//
	// +default="7d"
	// +pattern=^[0-9]+[hdw]$
	// +means=a number and a unit, such as 36h, 15d or 4w
	Retention string `json:"retention,omitempty"`
	// Storage is each node's disk.
	Storage *DiskSpace `json:"storage,omitempty"`
	// Console is how people reach Kibana. Left open it is private: `k8or open kibana`.
	Console *Console `json:"console,omitempty"`
}
