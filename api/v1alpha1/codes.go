// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// The codes of the rules a document has to keep. What each means, and what the others are, stands
// in docs/errors.md.

// Codes of fields and their values.
const (
	CodeMissingField   = "K8OR-0104"
	CodeUnknownWord    = "K8OR-0105"
	CodeBadFormat      = "K8OR-0106"
	CodeOutOfBounds    = "K8OR-0107"
	CodeSecretLiteral  = "K8OR-0108"
	CodeUnknownVersion = "K8OR-0109"
	CodeBadName        = "K8OR-0110"
	CodeBadReference   = "K8OR-0111"
	CodeBadFrom        = "K8OR-0112"
)

// Codes of products: what is in the catalog and what is not yet.
const (
	CodeNotAvailable    = "K8OR-0201"
	CodeExistingMissing = "K8OR-0202"
	CodeExistingUnused  = "K8OR-0203"
	CodeBadPlacement    = "K8OR-0204"
)

// Codes of the cluster's rules.
const (
	CodeExistingCluster    = "K8OR-0401"
	CodeNoNodePool         = "K8OR-0402"
	CodeSubnetInvalid      = "K8OR-0403"
	CodeSubnetOverlap      = "K8OR-0404"
	CodeSubnetTooSmall     = "K8OR-0405"
	CodeSubnetNotPrivate   = "K8OR-0406"
	CodeAllowInvalid       = "K8OR-0407"
	CodeAllTainted         = "K8OR-0408"
	CodeReservedLabel      = "K8OR-0409"
	CodeCountMissing       = "K8OR-0411"
	CodeCountAndAutoscale  = "K8OR-0412"
	CodeAutoscaleBounds    = "K8OR-0413"
	CodeTooManyNodes       = "K8OR-0414"
	CodeSubnetsNeedNative  = "K8OR-0415"
	CodeVersionUnsupported = "K8OR-0416"
	CodePinnedUpgrade      = "K8OR-0417"
	CodeEgress             = "K8OR-0418"
)

// Codes of the gateways' rules.
const (
	CodeDomainTwice  = "K8OR-0501"
	CodeLoadBalancer = "K8OR-0502"
	CodeTLSIssuer    = "K8OR-0503"
	CodeTLSChallenge = "K8OR-0504"
	CodeDNSToken     = "K8OR-0505"
	CodeGatewayAuth  = "K8OR-0506"
)

// Codes of the rules of domains and certificates.
const (
	CodeDomainName  = "K8OR-0421"
	CodeRecord      = "K8OR-0422"
	CodeRecordTwice = "K8OR-0423"
	CodeCertificate = "K8OR-0426"
)

// Codes of the rules of firewalls.
const (
	CodeFirewall     = "K8OR-0424"
	CodeFirewallTags = "K8OR-0425"
)

// Codes of the rules of monitoring and logging.
const (
	CodeReceiverEmpty = "K8OR-0901"
	CodeAlertUnheard  = "K8OR-0902"
	CodeConsole       = "K8OR-0903"
	CodeLogSink       = "K8OR-0904"
)

// Codes of the apps' rules.
const (
	CodeAppSource        = "K8OR-0601"
	CodeImageNoRegistry  = "K8OR-0602"
	CodeImageNoTag       = "K8OR-0603"
	CodeImageLatest      = "K8OR-0604"
	CodeImageInvalid     = "K8OR-0605"
	CodeAppField         = "K8OR-0606"
	CodeReplicasAndScale = "K8OR-0607"
	CodeNoGateway        = "K8OR-0608"
	CodeManyGateways     = "K8OR-0609"
	CodeRouteTwice       = "K8OR-0610"
	CodeRouteNoPort      = "K8OR-0611"
	CodeBadSchedule      = "K8OR-0612"
	CodeBadQuantity      = "K8OR-0613"
	CodeRequestOverLimit = "K8OR-0614"
	CodeVolumeReplicas   = "K8OR-0615"
	CodeReservedName     = "K8OR-0616"
	CodeChartInvalid     = "K8OR-0617"
	CodeFolderOutside    = "K8OR-0618"
	CodeRouteHost        = "K8OR-0619"
	CodeScaleNoRequest   = "K8OR-0620"
	CodeUsesNothing      = "K8OR-0621"
	CodeNoBackups        = "K8OR-0622"
)

// Codes of the registry's rules.
const (
	CodeRegistryHost    = "K8OR-0701"
	CodeRegistryGateway = "K8OR-0702"
)

// Codes of messaging's rules.
const (
	CodeTopicReplicas  = "K8OR-0801"
	CodeTopicName      = "K8OR-0802"
	CodeMessagingField = "K8OR-0803"
)

// Codes of the databases' rules.
const (
	CodeDatabaseAccess = "K8OR-0811"
	CodeDatabaseName   = "K8OR-0812"
)

// Codes of the rules of what moves data.
const (
	CodeMigrateFrom = "K8OR-0821"
)
