// SPDX-License-Identifier: Apache-2.0

package digitalocean

import (
	"fmt"
	"regexp"
)

// storageAutoscale makes a cluster's storage larger by itself. The sandbox keeps the setting; nothing fills its databases.
type storageAutoscale struct {
	Enabled   bool `json:"enabled"`
	Threshold *int `json:"threshold_percent,omitempty"` // 15 to 95
	Increment *int `json:"increment_gib,omitempty"`     // 10 to 500
}

func (s *storageAutoscale) check(engine string) error {
	switch {
	case s == nil:
		return nil
	case !hasStorage(engine):
		return invalid("autoscale: %s has no storage to scale", engine)
	case s.Enabled && s.Threshold != nil && (*s.Threshold < 15 || *s.Threshold > 95):
		return invalid("autoscale.storage.threshold_percent must be between 15 and 95")
	case s.Enabled && s.Increment != nil && (*s.Increment < 10 || *s.Increment > 500):
		return invalid("autoscale.storage.increment_gib must be between 10 and 500")
	}
	return nil
}

// getDatabaseAutoscale answers under the published key and under godo's: its 1.236 reads `storage` alone.
func (c *Cloud) getDatabaseAutoscale(_ *request, d *database) (any, error) {
	s := d.Autoscale
	if s == nil {
		s = &storageAutoscale{}
	}
	return object{"autoscale": object{"storage": s}, "storage": s}, nil
}

func (c *Cloud) setDatabaseAutoscale(q *request, d *database) (any, error) {
	var in struct {
		Storage *storageAutoscale `json:"storage"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Storage == nil {
		return nil, invalid("storage is required")
	}
	if err := in.Storage.check(d.Engine); err != nil {
		return nil, err
	}
	if err := d.made("update autoscale"); err != nil {
		return nil, err
	}
	d.Autoscale = in.Storage
	return nil, nil
}

// databaseSettings are the published do_settings.
type databaseSettings struct {
	CNAMEs []string `json:"service_cnames"`
}

var cname = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)+$`)

func (s *databaseSettings) check() error {
	if s == nil {
		return nil
	}
	if len(s.CNAMEs) > 16 {
		return invalid("do_settings.service_cnames has more than 16 names")
	}
	for _, name := range s.CNAMEs {
		if len(name) > 253 || !cname.MatchString(name) {
			return invalid("do_settings.service_cnames: %q is not a host name", name)
		}
	}
	return nil
}

func (c *Cloud) getDatabaseSettings(_ *request, d *database) (any, error) {
	return object{"do_settings": object{"service_cnames": append([]string{}, d.CNAMEs...)}}, nil
}

func (c *Cloud) setDatabaseSettings(q *request, d *database) (any, error) {
	var in struct {
		Settings *databaseSettings `json:"do_settings"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Settings == nil {
		return nil, invalid("do_settings is required")
	}
	if err := in.Settings.check(); err != nil {
		return nil, err
	}
	if err := d.made("update cluster"); err != nil {
		return nil, err
	}
	d.CNAMEs = in.Settings.CNAMEs
	return nil, nil
}

// maintenanceWindow is when updates are installed.
type maintenanceWindow struct {
	Day     string   `json:"day"`
	Hour    string   `json:"hour"` // "08:45:12", UTC
	Pending []string `json:"pending"`
}

func (w maintenanceWindow) view() object {
	return object{"day": w.Day, "hour": w.Hour, "pending": len(w.Pending) > 0, "description": append([]string{}, w.Pending...)}
}

// someWindow is what a cluster has until somebody chooses: any day, any hour.
func (c *Cloud) someWindow() maintenanceWindow {
	return maintenanceWindow{Day: days[1+c.random.IntN(7)], Hour: fmt.Sprintf("%02d:%02d:%02d", c.random.IntN(24), c.random.IntN(60), c.random.IntN(60))}
}

// metricsCredentials open the metrics endpoints of all clusters of an account.
type metricsCredentials struct {
	User     string `json:"basic_auth_username"`
	Password string `json:"basic_auth_password"`
}

func (c *Cloud) getMetricsCredentials(q *request) (any, error) {
	m := &q.account.Databases.Metrics
	if m.User == "" {
		m.User, m.Password = "prom"+c.newName(6), c.newPassword()
		c.changed()
	}
	return object{"credentials": *m}, nil
}

func (c *Cloud) setMetricsCredentials(q *request) (any, error) {
	var in struct {
		Credentials *metricsCredentials `json:"credentials"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Credentials == nil || in.Credentials.User == "" || in.Credentials.Password == "" {
		return nil, invalid("credentials.basic_auth_username and credentials.basic_auth_password are required")
	}
	q.account.Databases.Metrics = *in.Credentials
	return nil, nil
}
