// SPDX-License-Identifier: Apache-2.0

package companion

import (
	"slices"
	"strings"
	"testing"
)

func TestACompanionLearnsNothingOfWhatIsNotItsBusiness(t *testing.T) {
	given := []string{"DIGITALOCEAN_ACCESS_TOKEN=a-token", "STRIPE_KEY=a-key", "GOOGLE_APPLICATION_CREDENTIALS=a-path", "K8OR_SANDBOX_SPARE=0", "GOGC=800", "LC_ALL=C", "Path=somewhere"}
	for _, variable := range given {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	got := environment()
	for i, variable := range given {
		if there := slices.Contains(got, variable); there != (i > 2) {
			t.Errorf("%s is handed on: %t", variable, there)
		}
	}
}
