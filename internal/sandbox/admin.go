// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/k8or/k8or/internal/sandbox/digitalocean"
	"github.com/k8or/k8or/internal/sandbox/fault"
	"github.com/k8or/k8or/internal/sandbox/record"
)

// admin is the API that the package comment describes.
func (s *server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		s.cloud.Reset()
		s.faults.Remove("")
		if err := errors.Join(s.spaces.Reset(), s.registry.Keep(nil)); err != nil {
			reply(w, http.StatusInternalServerError, message{"empty the simulated Spaces and registries: " + err.Error()})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		said := map[string]any{}
		for name, log := range map[string]*record.Log{"digitalocean": s.record, "spaces": s.objects, "registry": s.images} {
			count, calls := log.Calls()
			said[name] = map[string]any{"calls": count, "list": orEmpty(calls)}
		}
		reply(w, http.StatusOK, said)
	})
	mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		s.record.Reset()
		s.objects.Reset()
		s.images.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"faults": orEmpty(s.faults.List())})
	})
	mux.HandleFunc("POST /faults", s.addFault)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, map[string]int{"removed": s.faults.Remove(r.URL.Query().Get("id"))})
	})
	mux.HandleFunc("GET /ready-times", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"readyTimes": orEmpty(s.record.ReadyTimes())})
	})
	mux.HandleFunc("GET /resources", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"resources": orEmpty(s.cloud.Inventory())})
	})
	mux.HandleFunc("POST /tokens", s.addToken)
	mux.HandleFunc("PUT /limits", s.setLimits)
	mux.HandleFunc("PUT /speed", s.setSpeed)
	mux.HandleFunc("GET /databases/ports", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"ports": s.databases.Ports()})
	})
	mux.HandleFunc("POST /databases/{id}/ports", s.openPort)
	mux.HandleFunc("POST /databases/{name}/backups", func(w http.ResponseWriter, r *http.Request) {
		if err := s.cloud.BackUpDatabase(r.URL.Query().Get("team"), r.PathValue("name")); err != nil {
			reply(w, http.StatusNotFound, message{err.Error()})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /certificates/{name}/renew", func(w http.ResponseWriter, r *http.Request) {
		if err := s.cloud.RenewCertificate(r.URL.Query().Get("team"), r.PathValue("name")); err != nil {
			reply(w, http.StatusNotFound, message{err.Error()})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		s.stop()
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := "Bearer " + s.announced.AdminToken
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
			reply(w, http.StatusUnauthorized, message{"the admin token in sandbox.json is needed"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type message struct {
	Message string `json:"message"`
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the caller went away
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// read decodes a body strictly, or answers 400.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		reply(w, http.StatusBadRequest, message{"read the body: " + err.Error()})
		return false
	}
	return true
}

func (s *server) status(w http.ResponseWriter, _ *http.Request) {
	a := s.announced
	reply(w, http.StatusOK, map[string]any{
		"protocol": a.Protocol, "version": s.options.Version, "pid": a.PID, "speed": s.clock.Speed(), "startedAt": a.StartedAt,
		"digitalocean": a.DigitalOcean, "spaces": a.Spaces, "registry": a.Registry, "controlplane": s.runtime.Status(), "clusters": s.cloud.Clusters(),
	})
}

func (s *server) addFault(w http.ResponseWriter, r *http.Request) {
	var rule fault.Rule
	if !read(w, r, &rule) {
		return
	}
	added, err := s.faults.Add(rule)
	if err != nil {
		reply(w, http.StatusBadRequest, message{err.Error()})
		return
	}
	reply(w, http.StatusCreated, added)
}

func (s *server) addToken(w http.ResponseWriter, r *http.Request) {
	var t digitalocean.Token
	if !read(w, r, &t) {
		return
	}
	if t.Value == "" {
		reply(w, http.StatusBadRequest, message{"a token needs a value"})
		return
	}
	s.cloud.AddToken(t)
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) setLimits(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Team     string `json:"team"`
		Droplets *int   `json:"droplets"`
	}
	if !read(w, r, &in) {
		return
	}
	if in.Droplets == nil || *in.Droplets < 0 {
		reply(w, http.StatusBadRequest, message{"droplets must be a number from 0"})
		return
	}
	s.cloud.SetDropletLimit(in.Team, *in.Droplets)
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) setSpeed(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Speed float64 `json:"speed"`
	}
	if !read(w, r, &in) {
		return
	}
	if err := s.clock.SetSpeed(in.Speed); err != nil {
		reply(w, http.StatusBadRequest, message{err.Error()})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// openPort tells where a database cluster answers to a source.
func (s *server) openPort(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Source string `json:"source"`
		Pool   bool   `json:"pool"`
	}
	if !read(w, r, &in) {
		return
	}
	port, err := s.databases.Open(r.PathValue("id"), in.Source, in.Pool)
	switch {
	case errors.Is(err, digitalocean.ErrNoDatabase):
		reply(w, http.StatusNotFound, message{err.Error()})
	case err != nil:
		reply(w, http.StatusBadRequest, message{err.Error()})
	default:
		reply(w, http.StatusOK, port)
	}
}
