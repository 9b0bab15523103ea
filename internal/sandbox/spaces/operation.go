// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"net/http"
	"slices"
)

// operation is one thing that can be asked for, and what it needs.
type operation struct {
	needs need
	run   func(*call) error
}

// subresources are the query parameters that make another operation of a request. Those without a row below are not implemented.
var subresources = []string{
	"accelerate", "acl", "analytics", "cors", "delete", "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging",
	"metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore",
	"retention", "select", "tagging", "torrent", "uploads", "versioning", "versions", "website",
}

// operations are keyed by what is addressed, the method and the subresource.
var operations = map[string]operation{
	"service GET": {account, (*call).listBuckets},

	"bucket PUT":               {account, (*call).createBucket},
	"bucket HEAD":              {read, (*call).headBucket},
	"bucket DELETE":            {full, (*call).deleteBucket},
	"bucket GET":               {list, (*call).listObjects},
	"bucket GET versions":      {read, (*call).listVersions},
	"bucket GET location":      {read, (*call).location},
	"bucket GET versioning":    {full, (*call).getVersioning},
	"bucket PUT versioning":    {full, (*call).putVersioning},
	"bucket GET acl":           {full, (*call).getACL},
	"bucket PUT acl":           {full, (*call).putACL},
	"bucket GET cors":          {full, (*call).getCORS},
	"bucket PUT cors":          {full, (*call).putCORS},
	"bucket DELETE cors":       {full, (*call).deleteCORS},
	"bucket GET lifecycle":     {full, (*call).getLifecycle},
	"bucket PUT lifecycle":     {full, (*call).putLifecycle},
	"bucket DELETE lifecycle":  {full, (*call).deleteLifecycle},
	"bucket GET policy":        {full, (*call).getPolicy},
	"bucket PUT policy":        {full, (*call).putPolicy},
	"bucket DELETE policy":     {full, (*call).deletePolicy},
	"bucket POST delete":       {write, (*call).deleteObjects},
	"bucket GET uploads":       {read, (*call).listUploads},
	"object PUT":               {write, (*call).putObject},
	"object PUT copy":          {write, (*call).copyObject},
	"object GET":               {fetch, (*call).getObject},
	"object HEAD":              {fetch, (*call).getObject},
	"object DELETE":            {write, (*call).deleteObject},
	"object GET acl":           {read, (*call).getACL},
	"object PUT acl":           {write, (*call).putACL},
	"object POST uploads":      {write, (*call).beginUpload},
	"object PUT part":          {write, (*call).putPart},
	"object PUT part and copy": {write, (*call).copyPart},
	"object POST part":         {write, (*call).completeUpload},
	"object GET part":          {read, (*call).listParts},
	"object DELETE part":       {write, (*call).abortUpload},
}

// operation finds what is asked for.
func (q *call) operation() (string, operation) {
	name := "object " + q.Method
	switch {
	case q.bucket == "":
		name = "service " + q.Method
	case q.key == "":
		name = "bucket " + q.Method
	}
	i := slices.IndexFunc(subresources, func(s string) bool { return q.query.Has(s) })
	copies := q.Header.Get("X-Amz-Copy-Source") != ""
	switch {
	case i >= 0:
		name += " " + subresources[i]
	case q.query.Has("uploadId") && copies:
		name += " part and copy"
	case q.query.Has("uploadId"):
		name += " part"
	case copies && q.Method == http.MethodPut:
		name += " copy"
	}
	if q.Header.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" {
		return name + " with SSE-C", operation{}
	}
	return name, operations[name]
}
