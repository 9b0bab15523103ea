// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/digitalocean/godo"
)

// TestEveryFieldThatGodoSendsIsKnown holds the strict bodies against an unchanged client's request types.
func TestEveryFieldThatGodoSendsIsKnown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		sent any
		into func() any
	}{
		{godo.KubernetesClusterCreateRequest{}, func() any { return &clusterInput{} }},
		{godo.KubernetesClusterUpdateRequest{}, func() any { return &settingsInput{} }},
		{godo.KubernetesNodePoolCreateRequest{}, func() any { return &poolInput{} }},
		{godo.KubernetesNodePoolUpdateRequest{}, func() any { return &poolInput{} }},
		{godo.KubernetesControlPlaneFirewall{}, func() any { return &planeFirewall{} }},
		{godo.KubernetesClusterAutoscalerConfiguration{}, func() any { return &autoscaler{} }},
		{godo.KubernetesClusterSSO{}, func() any { return &sso{} }},
		{godo.KubernetesMaintenancePolicy{}, func() any { return &maintenancePolicy{} }},
		{godo.VPCCreateRequest{}, func() any { return &vpcInput{} }},
		{godo.VPCUpdateRequest{}, func() any { return &vpcInput{} }},
		{godo.DatabaseCreateRequest{}, func() any { return &databaseInput{} }},
		{godo.DatabaseCreateUserRequest{}, func() any { return &databaseUserInput{} }},
		{godo.DatabaseUserSettings{}, func() any { return &userSettings{} }},
		{godo.DatabaseFirewallRule{}, func() any { return &ruleInput{} }},
		{godo.DatabaseCreateReplicaRequest{}, func() any { return &replicaInput{} }},
		{godo.DatabaseCreatePoolRequest{}, func() any { return &databasePoolInput{} }},
		{godo.DatabaseUpdatePoolRequest{}, func() any { return &databasePoolInput{} }},
		{godo.DatabaseResizeRequest{}, func() any { return &resizeInput{} }},
		{godo.DatabaseCreateTopicRequest{}, func() any { return &topicInput{} }},
		{godo.DatabaseLogsinkConfig{}, func() any { return &logsinkConfig{} }},
		{godo.DatabaseStorageAutoscale{}, func() any { return &storageAutoscale{} }},
		{godo.CreateProjectRequest{}, func() any { return &projectInput{} }},
		{godo.SpacesKeyCreateRequest{}, func() any { return &spacesKeyInput{} }},
		{godo.SpacesKeyUpdateRequest{}, func() any { return &spacesKeyInput{} }},
		{godo.RegistryCreateRequest{}, func() any { return &registryCreateInput{} }},
		{godo.VPCNATGatewayRequest{}, func() any { return &natGatewayInput{} }},
		{godo.DomainRecordEditRequest{}, func() any { return &recordInput{} }},
		{godo.CertificateRequest{}, func() any { return &certificateInput{} }},
		{godo.CDNCreateRequest{}, func() any { return &cdnInput{} }},
		{godo.CDNUpdateCustomDomainRequest{}, func() any { return &cdnInput{} }},
		{godo.AlertPolicyCreateRequest{}, func() any { return &alertSpec{} }},
	} {
		kind := reflect.TypeOf(row.sent)
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			body, err := json.Marshal(map[string]any{name: nil})
			if err != nil {
				t.Fatal(err)
			}
			q := &request{body: body}
			if err := q.decode(row.into()); err != nil {
				t.Errorf("%s.%s: %v", kind.Name(), name, err)
			}
		}
	}
}
