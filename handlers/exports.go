package handlers

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"tipoff/importer"
	"tipoff/schedule"
)

// exportICS writes the selection as a calendar, to be fetched once or subscribed
// to.
func (s *server) exportICS(w http.ResponseWriter, r *http.Request) error {
	return s.export(w, r, "text/calendar; charset=utf-8", ".ics", schedule.WriteICS)
}

// exportCSV writes the selection as a template that Todoist imports.
func (s *server) exportCSV(w http.ResponseWriter, r *http.Request) error {
	return s.export(w, r, "text/csv; charset=utf-8", ".csv", schedule.WriteCSV)
}

func (s *server) export(w http.ResponseWriter, r *http.Request, kind, ending string,
	write func(io.Writer, []schedule.Game, schedule.ExportOptions) error) error {
	t, err := teamOf(r)
	if err != nil {
		return err
	}
	_, opts, err := selection(r, t)
	if err != nil {
		return err
	}
	season := s.Schedule.Season()
	o := schedule.ExportOptions{Name: t.FullName() + " " + season.Label, Team: t.Code, Zone: zoneOf(t, opts, schedule.Eastern()),
		Duration: time.Duration(opts.Duration) * time.Minute, Priority: opts.Priority, Labels: opts.Labels, Sections: opts.Months}
	if opts.Reminder != importer.NoReminder {
		o.Alarms = []time.Duration{time.Duration(opts.Reminder) * time.Minute}
	}
	var b bytes.Buffer
	if err := write(&b, filterOf(t, opts).Games(season, s.Now()), o); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `inline; filename="`+t.Slug+"-"+season.Label+ending+`"`)
	h.Set("Cache-Control", "public, max-age=900")
	h.Set("Vary", "Accept-Encoding")
	// Weak, since it stands for the content in each coding.
	sum := sha256.Sum256(b.Bytes())
	h.Set("ETag", fmt.Sprintf(`W/"%x"`, sum[:16]))
	body := b.Bytes()
	if r.Header.Get("Range") == "" {
		if coding := codingFor(r.Header.Get("Accept-Encoding")); coding != "" {
			body = s.pages.packer.fast(coding, body)
			h.Set("Content-Encoding", coding)
			h.Set("Content-Length", strconv.Itoa(len(body)))
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}
