// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts can say beside testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	// exits CODE COMMAND...: the command ends with that code.
	"exits": exits,
	// calls at-most N: so many calls were made to DigitalOcean since the last `k8or sandbox requests --reset`.
	"calls": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 || args[0] != "at-most" {
			ts.Fatalf("usage: calls at-most n")
		}
		most, err := strconv.Atoi(args[1])
		ts.Check(err)
		ts.Check(ts.Exec("k8or", "sandbox", "requests", "-o", "json"))
		var said struct {
			DigitalOcean struct {
				Calls int `json:"calls"`
				List  []struct{ Method, Path string }
			} `json:"digitalocean"`
		}
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &said))
		if said.DigitalOcean.Calls > most {
			ts.Fatalf("%d calls were made, want at most %d: %v", said.DigitalOcean.Calls, most, said.DigitalOcean.List)
		}
	},
	// admin METHOD PATH [BODY]: what tests alone ask of the sandbox, such as a token with few scopes or a lower limit. A
	// path below /v2 goes to the simulated DigitalOcean.
	"admin": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 || len(args) > 3 {
			ts.Fatalf("usage: admin method path [body]")
		}
		said, err := admin(filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json"), args)
		ts.Check(err)
		io.WriteString(ts.Stdout(), said) //nolint:errcheck // the script's own
	},
	// cluster METHOD PATH [FILE]: what kubectl would ask of the script's cluster.
	"cluster": cluster,
	// lost: somebody deletes every cluster at the cloud, behind k8or's back. What clusters leave behind is left behind.
	"lost": func(ts *testscript.TestScript, neg bool, args []string) {
		box := filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json")
		for tries := 0; ; tries++ {
			said, err := admin(box, []string{"GET", "/v2/kubernetes/clusters"})
			ts.Check(err)
			var list struct {
				Clusters []struct {
					ID     string
					Status struct{ State string }
				} `json:"kubernetes_clusters"`
			}
			ts.Check(json.Unmarshal([]byte(said), &list))
			switch {
			case neg || len(args) != 0 || tries == 0 && len(list.Clusters) == 0:
				ts.Fatalf("usage: lost, while there is a cluster")
			case len(list.Clusters) == 0:
				return
			case tries == 600:
				ts.Fatalf("the clusters are still there: %v", list.Clusters)
			}
			for _, c := range list.Clusters {
				if c.Status.State != "deleting" {
					_, err := admin(box, []string{"DELETE", "/v2/kubernetes/clusters/" + c.ID})
					ts.Check(err)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	},
	// unsnapped: somebody deletes every snapshot of a volume at the cloud, behind k8or's back.
	"unsnapped": func(ts *testscript.TestScript, neg bool, args []string) {
		box := filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json")
		said, err := admin(box, []string{"GET", "/v2/snapshots?resource_type=volume"})
		ts.Check(err)
		var list struct{ Snapshots []struct{ ID string } }
		ts.Check(json.Unmarshal([]byte(said), &list))
		if neg || len(args) != 0 || len(list.Snapshots) == 0 {
			ts.Fatalf("usage: unsnapped, while there is a snapshot")
		}
		for _, s := range list.Snapshots {
			_, err := admin(box, []string{"DELETE", "/v2/snapshots/" + s.ID})
			ts.Check(err)
		}
	},
	// drilled-away: nothing of a restore drill is left in the cluster, and at the cloud no volume that the cluster does not know.
	"drilled-away": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 0 {
			ts.Fatalf("usage: drilled-away")
		}
		known := 0
		for _, path := range []string{"/api/v1/namespaces", "/api/v1/persistentvolumeclaims", "/apis/velero.io/v1/restores", "/apis/snapshot.storage.k8s.io/v1/volumesnapshots",
			"/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents", "/apis/coordination.k8s.io/v1/leases", "/api/v1/persistentvolumes"} {
			var list struct{ Items []json.RawMessage }
			fromCluster(ts, path, &list)
			known = len(list.Items)
			for _, o := range list.Items {
				if strings.Contains(string(o), "drill") {
					ts.Fatalf("%s: a drill left %s", path, o)
				}
			}
		}
		said, err := admin(filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json"), []string{"GET", "/v2/volumes"})
		ts.Check(err)
		var cloud struct{ Volumes []json.RawMessage }
		ts.Check(json.Unmarshal([]byte(said), &cloud))
		if known == 0 || len(cloud.Volumes) != known {
			ts.Fatalf("the cluster knows %d volumes, and the cloud has %d: %s", known, len(cloud.Volumes), said)
		}
	},
	// database-drilled-away: nothing of the drill of a database is left in the cluster or at the cloud.
	"database-drilled-away": func(ts *testscript.TestScript, neg bool, args []string) {
		box := filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json")
		if neg || len(args) != 0 {
			ts.Fatalf("usage: database-drilled-away")
		}
		for _, path := range []string{"/v2/databases", "/v2/tags?per_page=200"} {
			said, err := admin(box, []string{"GET", path})
			ts.Check(err)
			if !strings.Contains(said, "k8or:") || strings.Contains(said, "drill") {
				ts.Fatalf("%s: a drill left something: %s", path, said)
			}
		}
		for _, path := range []string{"/api/v1/namespaces", "/api/v1/secrets", "/apis/batch/v1/jobs", "/apis/coordination.k8s.io/v1/leases"} {
			var list struct{ Items []json.RawMessage }
			fromCluster(ts, path, &list)
			for _, o := range list.Items {
				if strings.Contains(string(o), "drill") {
					ts.Fatalf("%s: a drill left %s", path, o)
				}
			}
		}
	},
	// url: from here on k8or speaks to the script's sandbox as if it were the real cloud, without --sandbox.
	"url": func(ts *testscript.TestScript, neg bool, _ []string) {
		raw, err := os.ReadFile(filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json"))
		ts.Check(err)
		var box struct{ DigitalOcean string }
		ts.Check(json.Unmarshal(raw, &box))
		ts.Setenv("DIGITALOCEAN_API_URL", box.DigitalOcean)
	},
	// parses FILE...: each line of each file is JSON, or the whole file is.
	"parses": func(ts *testscript.TestScript, neg bool, args []string) {
		for _, name := range args {
			text := ts.ReadFile(name)
			if strings.TrimSpace(text) == "" {
				ts.Fatalf("%s is empty", name)
			}
			for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
				var v struct{ Version int }
				if err := d.Decode(&v); err != nil {
					ts.Fatalf("%s is not JSON: %v", name, err)
				}
				if v.Version != 1 {
					ts.Fatalf("%s has a value without its version", name)
				}
			}
		}
	},
	// nowhere WORD: no file below the script's folder holds the word, but those of the sandbox, where secrets may live.
	"nowhere": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: nowhere word")
		}
		nowhere(ts, args[0])
	},
	// bound NAMESPACE/SECRET put|get|refused|says WHAT [TEXT]: one call of S3's by what an app's Secret says.
	"bound": bound,
	// keys NAMESPACE/SECRET: the names of what a Secret holds.
	"keys": keys,
	// asks NAMESPACE/SECRET server|ENDPOINT STATEMENT: what a PostgreSQL answers to who has an app's Secret.
	"asks": asks,
	// users CLUSTER NAME...: the database cluster has these users of k8or's, and no others.
	"users": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 2 {
			ts.Fatalf("usage: users cluster name...")
		}
		var got []string
		for _, d := range databasesOf(ts) {
			if d.Name != args[0] {
				continue
			}
			for _, u := range d.users {
				if strings.HasPrefix(u.Name, "k8or-") {
					got = append(got, u.Name)
				}
			}
		}
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(args[1:])); !slices.Equal(got, want) {
			ts.Fatalf("%s has the users %v, want %v", args[0], got, want)
		}
	},
	// handed-nowhere: no password or key that the sandbox's databases, Spaces and registries have handed out is in any such file, bare
	// or in base64. What it has seen once it looks for ever after: a password that was changed for another is still not to be seen.
	"handed-nowhere": func(ts *testscript.TestScript, neg bool, args []string) {
		words := everHandedOut(ts, append(handedOut(ts), keysHandedOut(ts)...))
		if neg || len(args) != 0 || len(words) == 0 {
			ts.Fatalf("usage: handed-nowhere, while there is anything that has secrets; %d were handed out", len(words))
		}
		for _, word := range words {
			nowhere(ts, word)
			nowhere(ts, base64.StdEncoding.EncodeToString([]byte(word)))
		}
	},
	// watched FILE COMMAND...: the command is run, and the file says what processes showed of themselves meanwhile.
	"watched": watched,
	// credentials-live NAME...: no Secret of the cluster holds a key, token or user that is gone, and there is one key of each name.
	"credentials-live": credentialsLive,
	// fingerprint NAMESPACE/SECRET: by which is told whether it holds something else.
	"fingerprint": fingerprint,
	// converses FILE CODE COMMAND...: a person runs the command at a terminal, and answers as the file says.
	"converses": converses,
	// interrupts WORD CODE COMMAND...: the command is sent Ctrl-C once it has said the word, and ends with that code.
	"interrupts": interrupts(os.Interrupt),
	// interrupts-twice is interrupts, with a second Ctrl-C once the command has said that it is stopping.
	"interrupts-twice": interrupts(os.Interrupt, os.Interrupt),
	// terminates is interrupts by SIGTERM.
	"terminates": interrupts(syscall.SIGTERM),
	// crashes is interrupts by SIGQUIT, on which a Go program says where it is, and ends.
	"crashes": interrupts(syscall.SIGQUIT),
	// within SECONDS COMMAND...: the exits command, and it takes no longer.
	"within": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 3 {
			ts.Fatalf("usage: within seconds code command [arg...]")
		}
		most, err := strconv.Atoi(args[0])
		ts.Check(err)
		began := time.Now()
		exits(ts, neg, args[1:])
		if took := time.Since(began); took > time.Duration(most)*time.Second {
			ts.Fatalf("%s took %s, want at most %d s", strings.Join(args[2:], " "), took, most)
		}
	},
	// replace FILE OLD NEW: a person edits a file.
	"replace": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 3 {
			ts.Fatalf("usage: replace file old new")
		}
		path := ts.MkAbs(args[0])
		raw, err := os.ReadFile(path)
		ts.Check(err)
		if !strings.Contains(string(raw), args[1]) {
			ts.Fatalf("%s does not say %q:\n%s", args[0], args[1], raw)
		}
		ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), args[1], args[2])), 0o644))
	},
	// example NAME: copies an example's files here.
	"example": func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: example name")
		}
		from, err := filepath.Abs(filepath.Join("../../examples", args[0]))
		ts.Check(err)
		ts.Check(os.CopyFS(ts.MkAbs("."), os.DirFS(from)))
	},
}

// managed is a database cluster as the sandbox shows it.
type managed struct {
	ID, Name, Engine string
	Connection       struct{ Password string }

	users []struct {
		Name, Password string
		Key            string `json:"access_key"`
	}
}

// databasesOf are all database clusters with their users.
func databasesOf(ts *testscript.TestScript) []managed {
	box := filepath.Join(ts.Getenv("K8OR_SANDBOX_DIR"), "sandbox.json")
	get := func(path string, into any) {
		said, err := admin(box, []string{"GET", path})
		ts.Check(err)
		ts.Check(json.Unmarshal([]byte(said), into))
	}
	var list struct{ Databases []managed }
	get("/v2/databases", &list)
	for i, d := range list.Databases {
		if d.Engine == "valkey" {
			continue
		}
		of := struct{ Users any }{&list.Databases[i].users}
		get("/v2/databases/"+d.ID+"/users", &of)
	}
	return list.Databases
}

// handedOut are the passwords and keys of all users of all databases.
func handedOut(ts *testscript.TestScript) []string {
	var words []string
	for _, d := range databasesOf(ts) {
		words = append(words, d.Connection.Password)
		for _, u := range d.users {
			words = append(words, u.Password, u.Key)
		}
	}
	return words
}

// nowhere looks for a word in every file below the script's folder but the sandbox's.
func nowhere(ts *testscript.TestScript, word string) {
	box, seen := ts.Getenv("K8OR_SANDBOX_DIR"), 0
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(path string, d fs.DirEntry, err error) error {
		if path == box {
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			return nil
		}
		seen++
		raw, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(raw), word) {
			err = fmt.Errorf("%s holds %s", path, word)
		}
		return err
	}))
	if seen == 0 {
		ts.Fatalf("no file was read")
	}
}

// exits runs a command that is to end with a code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [arg...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// interrupts is a command that sends signals: the first once a word was said, the next once the command has said that it stops.
func interrupts(signals ...os.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 3 {
			ts.Fatalf("usage: interrupts|interrupts-twice|terminates|crashes word code command [arg...]")
		}
		want, err := strconv.Atoi(args[1])
		ts.Check(err)
		got, said, took, err := interrupt(ts, args[0], signals, args[2:])
		ts.Logf("%s", said)
		ts.Check(err)
		if got != want {
			ts.Fatalf("%s ended with %d, want %d", strings.Join(args[2:], " "), got, want)
		}
		if len(signals) > 1 && took > 10*time.Second {
			ts.Fatalf("%s took %s to leave at once", strings.Join(args[2:], " "), took)
		}
		io.WriteString(ts.Stdout(), said) //nolint:errcheck // the script's own
	}
}

// interrupt runs a command, sends it signals, and gives its exit code, all that it said, and how long it took from the last signal
// to its end. A signal that it never came to is an error.
func interrupt(ts *testscript.TestScript, word string, signals []os.Signal, args []string) (int, string, time.Duration, error) {
	cmd := exec.Command(executable(filepath.Join(bin, args[0])), args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "K8OR_SANDBOX_DIR", "NO_COLOR", "KUBECONFIG", "GOTRACEBACK"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	said := &strings.Builder{}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		return 0, "", 0, err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		w.Close()
	}()
	var last time.Time
	for lines := bufio.NewScanner(r); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if len(signals) > 0 && strings.Contains(lines.Text(), word) {
			if err := cmd.Process.Signal(signals[0]); err != nil {
				return 0, said.String(), 0, err
			}
			signals, word, last = signals[1:], "stopping: ", time.Now()
		}
	}
	if err := <-ended; err != nil {
		if _, ok := err.(*exec.ExitError); !ok {
			return 0, said.String(), 0, err
		}
	}
	if len(signals) > 0 {
		return 0, said.String(), 0, fmt.Errorf("it ended without having said %q", word)
	}
	return cmd.ProcessState.ExitCode(), said.String(), time.Since(last), nil
}

// admin makes one call to the sandbox that announced itself in a file, and gives the answer's body.
func admin(announced string, args []string) (string, error) {
	raw, err := os.ReadFile(announced)
	if err != nil {
		return "", err
	}
	var box struct{ Admin, AdminToken, DigitalOcean, Token string }
	if err := json.Unmarshal(raw, &box); err != nil {
		return "", err
	}
	base, token, body := box.Admin, box.AdminToken, ""
	if strings.HasPrefix(args[1], "/v2/") {
		base, token = box.DigitalOcean, box.Token
	}
	if len(args) == 3 {
		body = args[2]
	}
	r, err := http.NewRequest(args[0], base+args[1], strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", args[0], args[1], answer.Status, said)
	}
	return string(said), err
}
