// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/sha512"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/k8or/k8or/internal/probe"
)

// fluentd is a forward input in this process, whose turns of the conversation can be left out or changed.
type fluentd struct {
	key    string // empty for none
	auth   string // asks for a user
	silent bool   // takes records and acknowledges none
	wrong  bool   // acknowledges another record
	forged bool   // says that the key is right without knowing it
}

// listen gives its address, and the records that it took.
func (f fluentd) listen(t *testing.T) (string, <-chan map[string]any) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	took := make(chan map[string]any, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		f.serve(conn, took)
	}()
	return l.Addr().String(), took
}

func (f fluentd) serve(conn net.Conn, took chan<- map[string]any) {
	from := msgp.NewReader(conn)
	say := func(message any) {
		if raw, err := msgp.AppendIntf(nil, message); err == nil {
			conn.Write(raw) //nolint:errcheck // who does not hear it fails by that
		}
	}
	hear := func() []any {
		message, _ := from.ReadIntf() //nolint:errcheck // what is not heard is nothing
		all, _ := message.([]any)
		return all
	}
	sum := func(parts ...string) string {
		h := sha512.New()
		for _, p := range parts {
			h.Write([]byte(p))
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	if f.key != "" {
		say([]any{"HELO", map[string]any{"nonce": []byte("n0nce"), "auth": f.auth, "keepalive": true}})
		ping := hear()
		if len(ping) != 6 {
			return
		}
		name, _ := ping[1].(string)
		salt, _ := ping[2].(string)
		if ping[3] != sum(salt, name, "n0nce", f.key) && !f.forged {
			say([]any{"PONG", false, "shared_key mismatch", "", ""})
			return
		}
		say([]any{"PONG", true, "", "logs", sum(salt, "logs", "n0nce", f.key)})
	}
	message := hear()
	if len(message) != 4 {
		return
	}
	record, _ := message[2].(map[string]any)
	option, _ := message[3].(map[string]any)
	took <- record
	switch {
	case f.silent:
		hear() // until the other side hangs up
	case f.wrong:
		say(map[string]any{"ack": "another"})
	default:
		say(map[string]any{"ack": option["chunk"]})
	}
}

func TestForwardHandsOverARecordThatIsAcknowledged(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "w0rds-that-both-know"} {
		address, took := fluentd{key: key}.listen(t)
		spec, files := probe.Spec{Timeout: 5 * time.Second, Forward: &probe.Forward{Address: address}}, map[string]string{}
		if key != "" {
			spec.Forward.Key, files["shared-key"] = "shared-key", key+"\n"
		}
		f, _ := run(t, spec, files)
		wants(t, f, probe.Passed, "taken in and acknowledged")
		if record := <-took; record["message"] == "" {
			t.Errorf("it took %v", record)
		}
	}
}

func TestForwardSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for says, row := range map[string]struct {
		there fluentd
		key   string
	}{
		"asks for a shared key, and the document names none":       {fluentd{key: "a"}, ""},
		"does not take the shared key":                             {fluentd{key: "a"}, "b"},
		"does not know the shared key itself":                      {fluentd{key: "a", forged: true}, "b"},
		"asks for a user and a password":                           {fluentd{key: "a", auth: "salt"}, "a"},
		"does not ask for the shared key that the document names":  {fluentd{}, "a"},
		"not acknowledged: no answer came within the time":         {fluentd{silent: true}, ""},
		"is answered with something else than its acknowledgement": {fluentd{wrong: true}, ""},
	} {
		address, _ := row.there.listen(t)
		spec, files := probe.Spec{Timeout: 500 * time.Millisecond, Forward: &probe.Forward{Address: address}}, map[string]string{}
		if row.key != "" {
			spec.Forward.Key, files["shared-key"] = "shared-key", row.key
		}
		f, _ := run(t, spec, files)
		wants(t, f, probe.Failed, says)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	f, _ := run(t, probe.Spec{Timeout: time.Second, Forward: &probe.Forward{Address: gone.Addr().String()}}, nil)
	wants(t, f, probe.Failed, "there is no connection")
	plain, _ := fluentd{}.listen(t)
	f, _ = run(t, probe.Spec{Timeout: time.Second, Forward: &probe.Forward{Address: plain, TLS: true}}, nil)
	wants(t, f, probe.Failed, "there is no connection", "TLS")
}
