// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"runtime"
	"strconv"

	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/k8or/k8or/sandbox/controlplane/internal/release"
)

// showRelease puts an answer for GET /version behind the chain's filters (authentication and authorization stay in
// force) and before the server's own, which can only tell the version that was linked.
func showRelease(shown release.Release, build chainBuilder) chainBuilder {
	minor := strconv.FormatUint(uint64(shown.MinorNumber()), 10)
	info := version.Info{
		Major:          "1",
		Minor:          minor,
		EmulationMajor: "1",
		EmulationMinor: minor,
		GitVersion:     "v" + shown.String(),
		GitTreeState:   "clean",
		GoVersion:      runtime.Version(),
		Compiler:       runtime.Compiler,
		Platform:       "linux/amd64", // where DigitalOcean runs it
	}
	return func(api http.Handler, config *genericapiserver.Config) http.Handler {
		return build(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && (r.URL.Path == "/version" || r.URL.Path == "/version/") {
				responsewriters.WriteRawJSON(http.StatusOK, info, w)
				return
			}
			api.ServeHTTP(w, r)
		}), config)
	}
}

type chainBuilder = func(http.Handler, *genericapiserver.Config) http.Handler
