// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Database is a database server with its databases and users.
type Database struct {
	// Product is who runs it: DigitalOcean, Amazon RDS (aws), Google Cloud SQL (google), Azure, an
	// operator in the cluster (cloudnative-pg), or somebody else already.
	//
	// +required
	Product string `json:"product"`
	Choice
	// Engine is the kind of database.
	//
	// +required
	// +enum=postgresql;mysql;mariadb;valkey;mongodb;opensearch;oracle;sqlserver
	// +once
	Engine string `json:"engine"`
	// Version is the engine's major version; minor ones follow by themselves.
	//
	// +example="17"
	Version string `json:"version,omitempty"`
	// Region is where it runs, when that is not the platform's region or not the platform's cloud.
	//
	// +example="us-east-1"
	// +once
	Region string `json:"region,omitempty"`
	// Standby is how many copies stand by to take over.
	//
	// +default=0
	// +min=0
	// +max=2
	Standby *int `json:"standby,omitempty"`
	// Replicas are copies to read from, by name. Where one is stands in the Secret of each user, under the keys
	// replica-NAME-host, replica-NAME-port, replica-NAME-database and replica-NAME-uri.
	Replicas map[string]ReadReplica `json:"replicas,omitempty"`
	// Storage is the disk.
	Storage *DiskSpace `json:"storage,omitempty"`
	// Databases are the databases in the server. Left open there is one, named as the entry. An app that uses the
	// entry may use all of them, and its Secret names the first.
	//
	// +example=["orders"]
	Databases []string `json:"databases,omitempty"`
	// Users are users beside those that k8or makes for the apps.
	Users map[string]DatabaseUser `json:"users,omitempty"`
	// ConnectionPools share connections among many clients, by name. Where one is stands in the Secret of each user
	// that it lets in, under the keys pool-NAME-host, pool-NAME-port, pool-NAME-database and pool-NAME-uri.
	ConnectionPools map[string]ConnectionPool `json:"connectionPools,omitempty"`
	// Parameters are the engine's own settings.
	//
	// +example={"work_mem": 8}
	Parameters Object `json:"parameters,omitempty"`
	// Maintenance is the weekly window for updates.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
	// Backups say how long copies are kept.
	Backups *DatabaseBackups `json:"backups,omitempty"`
	// RestoreFrom makes the new database from a backup or a moment of another.
	//
	// +once
	RestoreFrom *RestoreFrom `json:"restoreFrom,omitempty"`
	// Access are those let in beside the platform's own cluster: IPv4 addresses and ranges, a Droplet as droplet:ID,
	// and the Droplets and Kubernetes nodes that bear a tag as tag:NAME. The whole internet is refused.
	//
	// +example=["203.0.113.7", "droplet:3164494", "tag:bastion"]
	Access []string `json:"access,omitempty"`
	// Public gives a database in another cloud a public address, reached from the platform's stable
	// address alone.
	//
	// +default=false
	Public bool `json:"public,omitempty"`
	// DeletionProtection refuses to delete the database, whatever is asked.
	//
	// +default=false
	DeletionProtection *bool `json:"deletionProtection,omitempty"`
	// MigrateFrom names the entry that the data come from: they are copied, and follow what is written
	// there, until it is removed again. Both run meanwhile. Only a new database can have it.
	//
	// +example="databases/orders-old"
	MigrateFrom string `json:"migrateFrom,omitempty"`
	// IgnoreDatabases are databases of the server named by migrateFrom that are not copied. It counts when
	// the copying begins.
	//
	// +example=["scratch"]
	IgnoreDatabases []string `json:"ignoreDatabases,omitempty"`
}

// ReadReplica is a copy of a database that can be read from.
type ReadReplica struct {
	// Size is the copy's size.
	//
	// +example="small"
	Size string `json:"size,omitempty"`
	// Region is where the copy runs, when that is not where its source does.
	//
	// +once
	Region string `json:"region,omitempty"`
}

// DiskSpace is a disk and how far it may grow by itself.
type DiskSpace struct {
	// Size is how large the disk is. It may grow and never shrinks.
	//
	// +example="50Gi"
	Size Quantity `json:"size,omitempty"`
	// Max is how large it may grow by itself when it fills. Left open it does not grow.
	//
	// +example="200Gi"
	// +owner=the provider, up to max
	Max Quantity `json:"max,omitempty"`
	// Class is the storage class, in the cluster.
	//
	// +default="do-block-storage-retain"
	// +example="do-block-storage"
	// +once
	Class string `json:"class,omitempty"`
}

// DatabaseUser is a user of a database.
type DatabaseUser struct {
	// Privileges are what the user may do.
	//
	// +default="readWrite"
	// +enum=read;readWrite;admin
	Privileges string `json:"privileges,omitempty"`
	// Databases are those the user may use. Left open, all.
	Databases []string `json:"databases,omitempty"`
}

// ConnectionPool shares connections to a database among many clients.
type ConnectionPool struct {
	// Database is the database connected to.
	//
	// +required
	Database string `json:"database"`
	// User is the user connected as. Left open, each client signs in as itself.
	User string `json:"user,omitempty"`
	// Size is the number of connections.
	//
	// +required
	// +min=1
	// +example=20
	Size int `json:"size"`
	// Mode is when a connection goes back to the pool.
	//
	// +default="transaction"
	// +enum=session;transaction;statement
	Mode string `json:"mode,omitempty"`
}

// DatabaseBackups say how long copies of a database are kept.
type DatabaseBackups struct {
	// Retention is how long a copy is kept.
	//
	// +example="14d"
	// +pattern=^[0-9]+[dw]$
	// +means=days or weeks, such as 14d or 2w
	Retention string `json:"retention,omitempty"`
	// PointInTime keeps what is needed to go back to any moment.
	//
	// +default=true
	PointInTime *bool `json:"pointInTime,omitempty"`
}

// RestoreFrom is where a new database's data come from.
type RestoreFrom struct {
	// Database is the database whose backup is used: its entry, also of one that was kept, or its name at
	// DigitalOcean.
	//
	// +required
	// +example="databases/orders"
	Database string `json:"database"`
	// Time is the moment to go back to. Left open, the newest backup.
	//
	// +example="2026-11-20T10:00:00Z"
	Time string `json:"time,omitempty"`
}

// Messaging is a message broker with its topics and users.
type Messaging struct {
	// Product is the broker.
	//
	// +required
	Product string `json:"product"`
	Choice
	// Version is the broker's version: a minor, or an exact release. Left open it is the newest that this k8or knows.
	//
	// +example="4.3"
	Version string `json:"version,omitempty"`
	// Brokers is how many brokers run.
	//
	// +default=3
	// +min=1
	// +max=100
	Brokers *int `json:"brokers,omitempty"`
	// Storage is each broker's disk.
	Storage *DiskSpace `json:"storage,omitempty"`
	// Topics are the topics, by name.
	Topics map[string]Topic `json:"topics,omitempty"`
	// Users are users beside those that k8or makes for the apps.
	Users map[string]MessagingUser `json:"users,omitempty"`
	// DeletionProtection refuses to delete the broker, whatever is asked. Turn it off, and run up, before you remove it.
	//
	// +default=false
	DeletionProtection *bool `json:"deletionProtection,omitempty"`
	// MigrateFrom names the entry that the messages come from: the topics that both name are copied, and
	// so is what is written there, until it is removed again. Both run meanwhile.
	//
	// +example="messaging/events-old"
	MigrateFrom string `json:"migrateFrom,omitempty"`
}

// Topic is a topic of a message broker.
type Topic struct {
	// Partitions is in how many parts the topic is kept. It may grow and never shrinks. A message's key may then lead to
	// another part than before.
	//
	// +default=3
	// +min=1
	Partitions *int `json:"partitions,omitempty"`
	// Replicas is how many brokers keep each part. Left open it is three, or all where there are fewer brokers.
	//
	// +min=1
	// +example=3
	Replicas *int `json:"replicas,omitempty"`
	// MinInSync is how many of them must have a message before it counts as written. Left open it is one less than there
	// are, so that one broker may be away.
	//
	// +min=1
	// +example=2
	MinInSync *int `json:"minInSync,omitempty"`
	// Retention is how long messages are kept.
	//
	// +default="7d"
	// +pattern=^[0-9]+[smhdw]$
	// +means=a number and a unit, such as 12h or 7d
	Retention string `json:"retention,omitempty"`
	// Config is the broker's own settings for the topic.
	Config Object `json:"config,omitempty"`
}

// MessagingUser is a user of a message broker. Its credentials are in a Secret beside the broker.
type MessagingUser struct {
	// Grants are what the user may do. Without any, nothing.
	Grants []TopicGrant `json:"grants,omitempty"`
}

// TopicGrant is what a user may do with topics.
type TopicGrant struct {
	// Topic is a topic's name, or its beginning followed by a star.
	//
	// +required
	// +example="clicks"
	Topic string `json:"topic"`
	// Permission is what is allowed.
	//
	// +required
	// +enum=consume;produce;both;admin
	Permission string `json:"permission"`
}

// Storage is object storage and the classes of block storage.
type Storage struct {
	// Spaces are buckets of DigitalOcean's object storage, by name.
	Spaces map[string]Bucket `json:"spaces,omitempty"`
	// Classes are storage classes beside DigitalOcean's own, by name.
	Classes map[string]StorageClass `json:"classes,omitempty"`
	// Snapshots are taken of volumes, by name of the schedule.
	Snapshots map[string]SnapshotSchedule `json:"snapshots,omitempty"`
}

// Bucket is a bucket of object storage.
type Bucket struct {
	// Name is the bucket's name at DigitalOcean, where no two buckets of anybody's have the same. Left open it is made
	// of the platform's name and uid and the entry's.
	//
	// +once
	// +pattern=^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$
	// +means=3 to 63 lower-case letters, digits, hyphens and dots
	// +example="acme-media"
	Name string `json:"name,omitempty"`
	// Region is where the bucket is, when that is not the platform's region. Not every region has Spaces.
	//
	// +once
	// +example="nyc3"
	Region string `json:"region,omitempty"`
	// Existing says that the bucket is there already: it is used and never changed or deleted.
	//
	// +default=false
	Existing bool `json:"existing,omitempty"`
	// Access is who may list what is in it: the apps that use it alone, or anybody. Each object says for itself whether
	// anybody may read it.
	//
	// +default="private"
	// +enum=private;public-read
	Access string `json:"access,omitempty"`
	// Versioning keeps what is overwritten or deleted.
	//
	// +default=false
	Versioning *bool `json:"versioning,omitempty"`
	// CORS are the web pages that may use the bucket.
	CORS []CORSRule `json:"cors,omitempty"`
	// Lifecycle is when objects go.
	Lifecycle []LifecycleRule `json:"lifecycle,omitempty"`
	// CDN puts DigitalOcean's content delivery network in front.
	CDN *CDN `json:"cdn,omitempty"`
	// DeletionProtection refuses to delete the bucket, whatever is asked.
	//
	// +default=false
	DeletionProtection *bool `json:"deletionProtection,omitempty"`
}

// CORSRule lets web pages of other origins use a bucket.
type CORSRule struct {
	// Origins are the pages' origins.
	//
	// +required
	// +min=1
	// +example=["https://shop.example.com"]
	Origins []string `json:"origins"`
	// Methods are what they may do: GET, HEAD, PUT, POST and DELETE.
	//
	// +default=["GET"]
	// +example=["GET", "PUT"]
	Methods []string `json:"methods,omitempty"`
	// Headers are the request headers they may send.
	Headers []string `json:"headers,omitempty"`
}

// LifecycleRule deletes objects when they are old.
type LifecycleRule struct {
	// Prefix is what the objects' names begin with. Left open, all.
	//
	// +example="tmp/"
	Prefix string `json:"prefix,omitempty"`
	// ExpireDays is the age in days at which they go.
	//
	// +required
	// +min=1
	ExpireDays int `json:"expireDays"`
}

// CDN is a content delivery network in front of a bucket.
type CDN struct {
	// Domain is a name of your own for it, below one of network.domains: DigitalOcean makes and renews its certificate.
	//
	// +example="media.example.com"
	// +pattern=^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$
	// +means=the name of a host such as media.example.com, in lower case
	Domain string `json:"domain,omitempty"`
	// TTL is how many seconds copies are kept: 60, 600, 3600, 86400 or 604800.
	//
	// +default=3600
	// +min=60
	TTL *int `json:"ttl,omitempty"`
}

// StorageClass is a kind of block storage that volumes can ask for.
type StorageClass struct {
	// Filesystem is how volumes are formatted.
	//
	// +default="ext4"
	// +enum=ext4;xfs
	Filesystem string `json:"filesystem,omitempty"`
	// Retain keeps the volume when its claim goes.
	//
	// +default=true
	Retain *bool `json:"retain,omitempty"`
	// Default makes it the class of claims that name none.
	//
	// +default=false
	Default bool `json:"default,omitempty"`
}

// SnapshotSchedule takes snapshots of volumes.
type SnapshotSchedule struct {
	// Schedule is when: five fields, as in crontab.
	//
	// +required
	// +example="0 2 * * *"
	Schedule string `json:"schedule"`
	// Keep is how many are kept.
	//
	// +default=7
	// +min=1
	Keep *int `json:"keep,omitempty"`
	// Volumes are the volumes, as namespace/claim. Left open, all of the platform's.
	Volumes []string `json:"volumes,omitempty"`
}

// Backups keep copies of the cluster's objects and volumes in a bucket.
type Backups struct {
	// Product makes the backups.
	//
	// +default="velero"
	Product string `json:"product,omitempty"`
	Choice
	// Schedule is when: five fields, as in crontab.
	//
	// +default="0 1 * * *"
	Schedule string `json:"schedule,omitempty"`
	// Retention is how long a copy is kept.
	//
	// +default="14d"
	// +pattern=^[0-9]+[dw]$
	// +means=days or weeks, such as 14d or 2w
	Retention string `json:"retention,omitempty"`
	// Bucket is the bucket they are kept in.
	//
	// +example="storage/spaces/backups"
	Bucket string `json:"bucket,omitempty"`
}
