package main

import (
	"fmt"
	"slices"
	"strconv"
)

// finding is a floor beside the median of what was measured.
type finding struct {
	Case   string    `json:"case"`
	What   string    `json:"what"`
	Unit   string    `json:"unit"`
	Bound  float64   `json:"bound"`
	Most   bool      `json:"most,omitempty"` // the bound is the most, not the least
	Values []float64 `json:"values"`
	Median float64   `json:"median"`
	Met    bool      `json:"met"`
}

// hotShare is how much of the speed with cold accounts is to be left with one hot account.
const hotShare = 0.9

// find holds the medians against the floors.
func (m *measurement) find() {
	m.Findings = nil
	var cold, hot []float64
	for _, c := range cases {
		for i, check := range c.checks {
			f := &finding{
				Case: c.name, What: check.what, Unit: check.unit, Bound: check.bound,
				Most: check.most,
			}
			for _, p := range m.Runs {
				if p.Case == c.name {
					f.Values = append(f.Values, check.value(p.Figures, p.T))
				}
			}
			if len(f.Values) == 0 {
				continue
			}
			f.Median = median(f.Values)
			f.Met = check.met(f.Median)
			m.Findings = append(m.Findings, f)
			if i == 0 && c.name == cases[0].name {
				cold = f.Values
			}
			if i == 0 && c.name == cases[1].name {
				hot = f.Values
			}
		}
	}
	if len(cold) == 0 || len(cold) != len(hot) {
		return
	}
	f := &finding{Case: cases[1].name, What: "hot / cold", Unit: "share", Bound: hotShare}
	for i := range cold {
		f.Values = append(f.Values, hot[i]/cold[i])
	}
	f.Median = median(f.Values)
	f.Met = f.Median >= hotShare
	m.Findings = append(m.Findings, f)
}

// median is the middle of the values, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// print writes the table of findings.
func (m *measurement) print() {
	m.find()
	var units []float64
	for _, u := range m.Units {
		units = append(units, u.TPS)
	}
	fmt.Fprintf(m.out, "\n%s, %d processors, `%s`\n", m.PostgreSQL, m.CPUs, m.PgBench)
	fmt.Fprintf(m.out, "T: median %.0f/s, from %.0f to %.0f in %d runs\n\n", median(units),
		slices.Min(units), slices.Max(units), len(units))
	fmt.Fprintln(m.out, "| case | figure | floor | rounds | median | met |")
	fmt.Fprintln(m.out, "|---|---|---|---|---|---|")
	for _, f := range m.Findings {
		floor, met := "at least "+number(f.Bound), "no"
		if f.Most {
			floor = "at most " + number(f.Bound)
		}
		if f.Met {
			met = "yes"
		}
		if f.Bound == 0 {
			floor, met = "none", ""
		}
		rounds := ""
		for i, value := range f.Values {
			if i > 0 {
				rounds += " / "
			}
			rounds += number(value)
		}
		fmt.Fprintf(m.out, "| %s | %s, %s | %s | %s | %s | %s |\n", f.Case, f.What, f.Unit,
			floor, rounds, number(f.Median), met)
	}
}

// number writes three digits that count.
func number(value float64) string {
	switch {
	case value >= 100 || value == float64(int64(value)):
		return strconv.FormatFloat(value, 'f', 0, 64)
	case value >= 10:
		return strconv.FormatFloat(value, 'f', 1, 64)
	}
	return strconv.FormatFloat(value, 'f', 2, 64)
}
