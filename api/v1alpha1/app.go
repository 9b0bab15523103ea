// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "slices"

// App is one of your programs: from an image, from a folder of manifests, or from a Helm chart.
// Exactly one of image, manifests and chart is given.
type App struct {
	// Kind is what the program does: web answers requests, worker runs without being asked, job runs
	// once for each version of itself, cron runs on a schedule. Left open it is web when a port is
	// given, cron when a schedule is, and worker otherwise. Manifests and charts have no kind.
	//
	// +enum=web;worker;job;cron
	Kind string `json:"kind,omitempty"`
	// Image is the container image with an exact tag or digest. Without a registry's name it is one of
	// the platform's own registry.
	//
	// +example="docker.io/hashicorp/http-echo:1.0.0"
	// +owner=delivery, where the app names a source
	Image string `json:"image,omitempty"`
	// Source is the repository that delivery builds the image from.
	//
	// +example="github/acme/shop"
	// +pattern=^(github|gitlab|bitbucket)/[^/\s]+/[^\s]+$
	// +means=a host and a repository, such as github/acme/shop
	Source string `json:"source,omitempty"`
	// Manifests is a folder of Kubernetes manifests, or of a kustomization, relative to the document.
	//
	// +example="deploy/shop"
	Manifests string `json:"manifests,omitempty"`
	// Chart is a Helm chart.
	Chart *Chart `json:"chart,omitempty"`
	// Namespace is where the app runs.
	//
	// +default="apps"
	// +pattern=^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$
	// +means=lower-case letters, digits and hyphens
	// +once
	Namespace string `json:"namespace,omitempty"`
	// Command replaces the image's entry point.
	//
	// +example=["/bin/shop"]
	Command []string `json:"command,omitempty"`
	// Args are handed to the command.
	//
	// +example=["-listen=:8080"]
	Args []string `json:"args,omitempty"`
	// Port is the port the program listens on.
	//
	// +min=1
	// +max=65535
	// +example=8080
	Port *int `json:"port,omitempty"`
	// Replicas is how many copies run. Left open, web and worker run two, and one where a volume is
	// mounted.
	//
	// +min=0
	// +max=1000
	// +example=2
	Replicas *int `json:"replicas,omitempty"`
	// Autoscale lets the number of copies follow the load.
	Autoscale *AppAutoscale `json:"autoscale,omitempty"`
	// Resources are what a copy asks for and what it may use.
	//
	// +default={"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
	Resources *Resources `json:"resources,omitempty"`
	// Volumes are disks that outlive the program, by name. They hold data: nothing removes them unasked.
	Volumes map[string]Volume `json:"volumes,omitempty"`
	// Env are environment variables: plain texts, or secrets by reference.
	//
	// +example={"LOG_LEVEL": "info", "STRIPE_KEY": {"from": {"secret": "payments/stripe-key"}}}
	Env map[string]EnvValue `json:"env,omitempty"`
	// Schedule is when a cron runs: five fields, as in crontab.
	//
	// +example="15 3 * * *"
	Schedule string `json:"schedule,omitempty"`
	// TimeZone is the zone of the schedule. UTC when left open.
	//
	// +example="Europe/Berlin"
	TimeZone string `json:"timeZone,omitempty"`
	// Timeout is how long a job, a cron's run or a rollout may take.
	//
	// +example="10m"
	// +pattern=^([0-9]+h)?([0-9]+m)?([0-9]+s)?$
	// +means=a time such as 90s, 10m or 1h30m
	Timeout string `json:"timeout,omitempty"`
	// Routes are the addresses at which a gateway hands requests to this app.
	//
	// +example=[{"host": "shop.example.com", "path": "/"}]
	Routes []Route `json:"routes,omitempty"`
	// Gateway is the gateway of the routes. It may be left open where there is only one.
	//
	// +example="public"
	Gateway string `json:"gateway,omitempty"`
	// Multiline says whose stack traces the program writes to its log, so that each becomes one record
	// there and not one a line.
	//
	// +enum=java;go;python;ruby
	Multiline string `json:"multiline,omitempty"`
	// Metrics is where the program shows its metrics.
	Metrics *Metrics `json:"metrics,omitempty"`
	// Alerts are raised when a measured value leaves its bounds, by name.
	//
	// +example={"too-slow": {"expression": "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket{namespace=\"apps\"}[5m])) > 1"}}
	Alerts map[string]Alert `json:"alerts,omitempty"`
	// Probe is how to tell that a copy is ready and alive. Left open, a web app is ready when its port
	// accepts connections.
	Probe *Probe `json:"probe,omitempty"`
	// BeforeRollout runs to its end, with the new image, before copies of a new version start. It is
	// the place for migrations.
	BeforeRollout *BeforeRollout `json:"beforeRollout,omitempty"`
	// Security loosens or tightens how the program runs. Everything runs without root unless asked.
	Security *Security `json:"security,omitempty"`
	// Uses are the platform's entries this app works with; it receives their credentials and is let in.
	//
	// +example=["databases/orders", "storage/spaces/media"]
	Uses []string `json:"uses,omitempty"`
	// Reads are entries that this app works with as those in uses, except that its credentials let it read
	// and not write.
	//
	// +example=["databases/orders"]
	Reads []string `json:"reads,omitempty"`
	// Bindings is the one way in which the app finds the credentials of what it uses and reads: environment variables
	// (env), or files below /bindings (files). Left open it finds them in both.
	//
	// +enum=env;files
	Bindings string `json:"bindings,omitempty"`
	// Pool is the node pool the app runs on. Left open it may run on any.
	//
	// +example="general"
	Pool string `json:"pool,omitempty"`
}

// Entries are the platform's entries that the app works with: those that it uses, and those that it reads.
func (a App) Entries() []string { return slices.Concat(a.Uses, a.Reads) }

// Chart is a Helm chart that an app is made from.
type Chart struct {
	// Source is where the chart is: oci://host/path, https://host/repository/name, or a folder relative
	// to the document.
	//
	// +required
	// +example="oci://ghcr.io/stefanprodan/charts/podinfo"
	Source string `json:"source"`
	// Version is the chart's exact version. A folder has none.
	//
	// +example="6.9.2"
	Version string `json:"version,omitempty"`
	// Release installs the chart as a real Helm release, which runs its hooks. It is then one opaque
	// step, without a plan for each object.
	//
	// +default=false
	Release bool `json:"release,omitempty"`
	// Values are the chart's values.
	Values Object `json:"values,omitempty"`
}

// AppAutoscale is the bounds within which the autoscaler owns the number of copies.
type AppAutoscale struct {
	// Min is the fewest copies.
	//
	// +required
	// +min=1
	// +max=1000
	// +owner=the pod autoscaler, between min and max
	Min int `json:"min"`
	// Max is the most copies.
	//
	// +required
	// +min=1
	// +max=1000
	// +owner=the pod autoscaler, between min and max
	Max int `json:"max"`
	// CPU is the use of requested CPU, in percent, above which copies are added.
	//
	// +default=75
	// +min=1
	// +max=100
	CPU *int `json:"cpu,omitempty"`
}

// Resources are what a copy of a program asks for and what it may use.
type Resources struct {
	// Requests are set aside for each copy, and decide whether it fits a node.
	Requests Amounts `json:"requests,omitzero"`
	// Limits are what a copy may use at most.
	Limits Amounts `json:"limits,omitzero"`
}

// Amounts are amounts of CPU and memory.
type Amounts struct {
	// CPU in cores or thousandths of one.
	//
	// +example="250m"
	CPU Quantity `json:"cpu,omitempty"`
	// Memory in bytes, with a unit.
	//
	// +example="256Mi"
	Memory Quantity `json:"memory,omitempty"`
}

// Volume is a disk of an app.
type Volume struct {
	// Size is how large the disk is. It may grow and never shrinks.
	//
	// +required
	// +example="10Gi"
	Size Quantity `json:"size"`
	// Path is where the program sees it.
	//
	// +required
	// +example="/var/lib/shop"
	// +pattern=^/.+
	// +means=an absolute path other than /
	Path string `json:"path"`
	// Class is the storage class. The default keeps the disk when the app goes.
	//
	// +default="do-block-storage-retain"
	// +example="do-block-storage"
	// +once
	Class string `json:"class,omitempty"`
}

// Route is an address at which a gateway hands requests to an app.
type Route struct {
	// Host is the name asked for. Left open, any name.
	//
	// +example="shop.example.com"
	// +pattern=^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$
	// +means=a host name such as shop.example.com, without a scheme or a port
	Host string `json:"host,omitempty"`
	// Path is what the request's path begins with.
	//
	// +default="/"
	// +pattern=^/[^\s]*$
	// +means=a path that begins with /
	Path string `json:"path,omitempty"`
}

// Metrics is where a program shows its metrics, in the format of Prometheus.
type Metrics struct {
	// Port is the port. Left open it is the app's.
	//
	// +min=1
	// +max=65535
	// +example=9090
	Port *int `json:"port,omitempty"`
	// Path is the path.
	//
	// +default="/metrics"
	// +pattern=^/[^\s]*$
	// +means=a path that begins with /
	Path string `json:"path,omitempty"`
}

// Alert is raised when an expression holds for a while.
type Alert struct {
	// Expression is in PromQL.
	//
	// +required
	Expression string `json:"expression"`
	// For is how long it has to hold.
	//
	// +default="5m"
	// +pattern=^([0-9]+h)?([0-9]+m)?([0-9]+s)?$
	// +means=a time such as 90s, 10m or 1h30m
	For string `json:"for,omitempty"`
	// Severity says how bad it is.
	//
	// +default="warning"
	// +enum=warning;critical
	Severity string `json:"severity,omitempty"`
	// Receiver is who is told: a name of monitoring.receivers. Left open, all of them are.
	//
	// +example="oncall"
	Receiver string `json:"receiver,omitempty"`
}

// Probe is how to tell that a copy of an app is ready and alive.
type Probe struct {
	// Path is asked for over HTTP; an answer from 200 to 399 is good. Left open, the port has to accept
	// a connection.
	//
	// +example="/healthz"
	// +pattern=^/[^\s]*$
	// +means=a path that begins with /
	Path string `json:"path,omitempty"`
	// Port is the port. Left open it is the app's.
	//
	// +min=1
	// +max=65535
	Port *int `json:"port,omitempty"`
}

// BeforeRollout is a command that has to succeed before a new version starts.
type BeforeRollout struct {
	// Command is run in a copy of the new image, with the app's environment and none of its volumes.
	//
	// +required
	// +min=1
	// +example=["/bin/shop", "migrate"]
	Command []string `json:"command"`
	// Timeout is how long it may take.
	//
	// +default="10m"
	// +pattern=^([0-9]+h)?([0-9]+m)?([0-9]+s)?$
	// +means=a time such as 90s, 10m or 1h30m
	Timeout string `json:"timeout,omitempty"`
}

// Security is how a program runs.
type Security struct {
	// RunAsUser is the numeric user. Left open it is the image's, which must not be root.
	//
	// +min=0
	// +example=1000
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// ReadOnlyRoot keeps the program from changing the image's own files; /tmp stays writable.
	//
	// +default=false
	ReadOnlyRoot *bool `json:"readOnlyRoot,omitempty"`
}
