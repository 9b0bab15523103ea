// SPDX-License-Identifier: Apache-2.0

package price

import (
	"encoding/json"

	"github.com/k8or/k8or/internal/unit"
)

// monthJSON is how amounts are written: each as text for people ("low": "$48.00") and in micro-dollars for programs
// ("lowMicros": 48000000). The amounts of a line whose price is unknown are not written at all.
type monthJSON struct {
	Low              string      `json:"low,omitempty"`
	LowMicros        *unit.Money `json:"lowMicros,omitempty"`
	High             string      `json:"high,omitempty"`
	HighMicros       *unit.Money `json:"highMicros,omitempty"`
	HourlyLow        string      `json:"hourlyLow,omitempty"`
	HourlyLowMicros  *unit.Money `json:"hourlyLowMicros,omitempty"`
	HourlyHigh       string      `json:"hourlyHigh,omitempty"`
	HourlyHighMicros *unit.Money `json:"hourlyHighMicros,omitempty"`
}

type lineJSON struct {
	Item
	Known      bool        `json:"known"`
	Per        string      `json:"per,omitempty"`
	Unit       string      `json:"unit,omitempty"`
	UnitMicros *unit.Money `json:"unitMicros,omitempty"`
	From       string      `json:"from,omitempty"`
	FromMicros *unit.Money `json:"fromMicros,omitempty"`
	monthJSON
	Note   string `json:"note,omitempty"`
	Source string `json:"source,omitempty"`
	Date   string `json:"date,omitempty"`
}

type billJSON struct {
	Lines []Line `json:"lines"`
	monthJSON
	Unknown     []string `json:"unknown,omitempty"`
	NotIncluded []string `json:"notIncluded,omitempty"`
	Growth      []Growth `json:"growth,omitempty"`
}

type changeJSON struct {
	monthJSON
	Unknown []string `json:"unknown,omitempty"`
}

func month(low, high, hourlyLow, hourlyHigh unit.Money) monthJSON {
	return monthJSON{
		Low: low.String(), LowMicros: &low, High: high.String(), HighMicros: &high,
		HourlyLow: hourlyLow.Hourly(), HourlyLowMicros: &hourlyLow,
		HourlyHigh: hourlyHigh.Hourly(), HourlyHighMicros: &hourlyHigh,
	}
}

func (m monthJSON) read(low, high, hourlyLow, hourlyHigh *unit.Money) {
	*low, *high = value(m.LowMicros), value(m.HighMicros)
	*hourlyLow, *hourlyHigh = value(m.HourlyLowMicros), value(m.HourlyHighMicros)
}

func value(m *unit.Money) unit.Money {
	if m == nil {
		return 0
	}
	return *m
}

// MarshalJSON writes each amount as text and in micro-dollars, and none when the price is unknown.
func (l Line) MarshalJSON() ([]byte, error) {
	out := lineJSON{Item: l.Item, Known: l.Known, Per: l.Per, Note: l.Note, Source: l.Source, Date: l.Date}
	if l.Known {
		out.Unit, out.UnitMicros = l.Unit.String(), &l.Unit
		out.monthJSON = month(l.Low, l.High, l.HourlyLow, l.HourlyHigh)
	}
	if l.From > 0 {
		out.From, out.FromMicros = l.From.String(), &l.From
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes, amounts from their micro-dollars.
func (l *Line) UnmarshalJSON(data []byte) error {
	var in lineJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*l = Line{Item: in.Item, Known: in.Known, Per: in.Per, Unit: value(in.UnitMicros), From: value(in.FromMicros), Note: in.Note, Source: in.Source, Date: in.Date}
	in.read(&l.Low, &l.High, &l.HourlyLow, &l.HourlyHigh)
	return nil
}

// MarshalJSON writes each amount as text and in micro-dollars.
func (b Bill) MarshalJSON() ([]byte, error) {
	out := billJSON{Lines: b.Lines, Unknown: b.Unknown, NotIncluded: b.NotIncluded, Growth: b.Growth}
	if out.Lines == nil {
		out.Lines = []Line{}
	}
	out.monthJSON = month(b.Low, b.High, b.HourlyLow, b.HourlyHigh)
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes, amounts from their micro-dollars.
func (b *Bill) UnmarshalJSON(data []byte) error {
	var in billJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*b = Bill{Lines: in.Lines, Unknown: in.Unknown, NotIncluded: in.NotIncluded, Growth: in.Growth}
	in.read(&b.Low, &b.High, &b.HourlyLow, &b.HourlyHigh)
	return nil
}

// MarshalJSON writes each amount as text and in micro-dollars.
func (c Change) MarshalJSON() ([]byte, error) {
	return json.Marshal(changeJSON{month(c.Low, c.High, c.HourlyLow, c.HourlyHigh), c.Unknown})
}

// UnmarshalJSON reads what MarshalJSON writes, amounts from their micro-dollars.
func (c *Change) UnmarshalJSON(data []byte) error {
	var in changeJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*c = Change{Unknown: in.Unknown}
	in.read(&c.Low, &c.High, &c.HourlyLow, &c.HourlyHigh)
	return nil
}

type groupJSON struct {
	Name  string   `json:"name"`
	Lines int      `json:"lines"`
	Of    []string `json:"of"`
	monthJSON
	Unknown []string `json:"unknown,omitempty"`
}

// MarshalJSON writes each amount as text and in micro-dollars.
func (g Group) MarshalJSON() ([]byte, error) {
	return json.Marshal(groupJSON{g.Name, g.Lines, g.Of, month(g.Low, g.High, g.HourlyLow, g.HourlyHigh), g.Unknown})
}
