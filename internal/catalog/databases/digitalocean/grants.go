// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/k8or/k8or/internal/catalog/databases"
	"github.com/k8or/k8or/internal/cloud/digitalocean"
	"github.com/k8or/k8or/internal/graph"
	"github.com/k8or/k8or/internal/kube"
	"github.com/k8or/k8or/internal/product"
	"github.com/k8or/k8or/internal/secret"
)

// A user that DigitalOcean makes may do next to nothing in PostgreSQL, and in MySQL as much as doadmin. What it may do is said in SQL, which only the cluster can
// reach the server with. So a Job says it, as DigitalOcean's doadmin and as the users themselves, once for each wording: what they
// may do becomes what the document says, no more and no less.

// clients of SQL, by engine: the image has the program, User is who it runs as there.
var sqlClients = map[string]struct {
	image, as string
	user      int64
}{
	databases.PostgreSQL: {"docker.io/library/postgres:17.5-alpine", `as() { PGUSER="$1" PGPASSWORD="$2" psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$3"; }`, 70},
	databases.MySQL:      {"docker.io/library/mysql:8.4.5", `as() { MYSQL_PWD="$2" mysql --host="$PGHOST" --port="$PGPORT" --user="$1" --ssl-mode=REQUIRED --batch --skip-column-names --raw; }`, 999},
}

const grantsSecret = "k8or-grants"

// grants is the node after which users may do what they should.
func (m *maker) grants(users []user) (graph.ID, error) {
	if !m.kind.grants || len(users) == 0 {
		return m.ID, nil
	}
	admin := graph.Add(m.b.Graph(), m.ID+"/doadmin", &digitalocean.DatabaseAdmin{On: m.b.Estate(), Database: m.out, In: m.name})
	connections := []graph.Value[databases.Connection]{graph.Map(admin, func(o digitalocean.UserOut) databases.Connection { return with(databases.Connection{}, o) })}
	after := append(m.standing(), m.data...)
	for _, u := range users {
		connections = append(connections, u.connection)
	}
	home, err := m.home()
	if err != nil {
		return "", err
	}
	signIn := m.ID + "/sign-in"
	if err := m.b.Filled(signIn, product.BindingSecret(m.Namespace(), grantsSecret, m.Spec.Engine), graph.Map(graph.Join(connections...), signIns), graph.After(home)); err != nil {
		return "", err
	}
	job, err := product.Objects(m.job(users))
	if err != nil {
		return "", err
	}
	id := m.ID + "/grants"
	follow := product.Follow{Follow: kube.Follow{Namespace: m.Namespace(), Name: grantsSecret, Jobs: true}, By: signIn} // who signs in under another name needs to be let in too
	_, err = m.b.Set(id, product.SetSpec{Namespace: m.Namespace(), Objects: job, Follows: []product.Follow{follow}}, graph.After(append(after, signIn)...))
	return id, err
}

// signIns are the server's address and everybody's name and password, by the names of the Job's variables.
func signIns(all []databases.Connection) map[string]secret.Text {
	data := map[string]secret.Text{}
	for i, c := range all {
		data["PGHOST"], data["PGPORT"] = secret.New(c.Host), secret.New(strconv.Itoa(c.Port))
		if i == 0 {
			data["ADMIN"] = c.Password
			continue
		}
		data[variable("USER", i-1)], data[variable("PASSWORD", i-1)] = secret.New(c.Username), c.Password
	}
	return data
}

// variable is one of a user's.
func variable(what string, i int) string { return what + "_" + strconv.Itoa(i) }

// job says it. Its name carries the wording, so that another wording is another Job.
func (m *maker) job(users []user) *batchv1.Job {
	client := sqlClients[m.Spec.Engine]
	script := "set -eu\n" + client.as + "\n"
	if m.Spec.Engine == databases.PostgreSQL {
		script += m.postgres(users)
	} else {
		script += m.mysql(users)
	}
	name := fmt.Sprintf("grants-%x", sha256.Sum256([]byte(script+client.image)))[:15]
	pod := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: new(false),
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: &client.user, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers: []corev1.Container{{Name: "sql", Image: client.image, Command: []string{"sh", "-c", script},
			Env:             []corev1.EnvVar{{Name: "PGSSLMODE", Value: "require"}, {Name: "HOME", Value: "/tmp"}},
			EnvFrom:         []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: grantsSecret}}}},
			SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			Resources:       corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")}},
		}}}
	return &batchv1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: m.Namespace()},
		Spec: batchv1.JobSpec{BackoffLimit: new(int32(6)), Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/name": "grants"}}, Spec: pod}}}
}

// quoted is a name for the shell. The document's rules leave it nothing but letters, digits, hyphens and underscores.
func quoted(name string) string { return "'" + name + "'" }
