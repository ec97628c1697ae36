package fake

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// fixedLayout is an instant as a due has it: UTC without fractions, which is
// all that Doist's Python SDK reads.
const fixedLayout = "2006-01-02T15:04:05Z"

// floatingLayout is a wall clock without a zone.
const floatingLayout = "2006-01-02T15:04:05"

// dueLanguages are those in which Todoist reads a due's text.
func dueLanguages() []string {
	return strings.Fields("en da pl zh ko de pt ja it fr sv ru es nl fi nb tw")
}

// readDue reads the due of a command: a date in one of its three forms or a
// text. Of texts only a few English and numeric forms are understood; anything
// else is refused, which is what clients that write dates by machine should
// never meet. A text that means "no date" gives nil.
func readDue(raw json.RawMessage, argument string, a *Account, now time.Time) (*Due, *Error) {
	var in struct {
		Date      *string `json:"date"`
		String    *string `json:"string"`
		Timezone  *string `json:"timezone"`
		Lang      *string `json:"lang"`
		Recurring bool    `json:"is_recurring"`
	}
	bad := func(why string) (*Due, *Error) {
		return nil, invalidArgument(argument, "a due object", why)
	}
	if json.Unmarshal(raw, &in) != nil {
		return bad("")
	}
	zone := ""
	if in.Timezone != nil {
		zone = *in.Timezone
		if _, err := a.s.location(zone); err != nil {
			return bad("an unknown timezone")
		}
	}
	lang := a.profile.Lang
	if in.Lang != nil {
		lang = *in.Lang
		if !slices.Contains(dueLanguages(), lang) {
			return bad("an unknown lang")
		}
	}
	if in.Recurring {
		// A due with a date cannot recur, and recurring texts are not read.
		return bad("a recurring due")
	}
	var d *Due
	switch {
	case in.Date != nil:
		d = readDate(*in.Date, zone, a.profile.Zone)
	case in.String == nil:
		return bad("neither a date nor a string")
	case utf8.RuneCountInString(*in.String) > maxDueText:
		return bad("the string is too long")
	default:
		text := strings.ToLower(strings.TrimSpace(*in.String))
		if text == "no date" || text == "no due date" {
			return nil, nil
		}
		d = readDueText(text, zone, a, now)
	}
	if d == nil {
		return bad("the date cannot be read")
	}
	d.Lang = lang
	d.String = a.dueText(d)
	return d, nil
}

// readDate reads a due's date; nil when it has none of the three forms. zone
// is what the due says, own is the user's.
func readDate(text, zone, own string) *Due {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return &Due{Date: t.Format(time.DateOnly)}
	}
	if t, err := time.Parse(fixedLayout, text); err == nil {
		if zone == "" {
			zone = own
		}
		return &Due{Date: t.Format(fixedLayout), Timezone: zone}
	}
	if t, err := time.Parse(floatingLayout, text); err == nil && zone == "" {
		return &Due{Date: t.Format(floatingLayout)}
	}
	return nil
}

// readDueText reads "today", "tomorrow" and dates, each with "at 12" or
// "at 19:30" behind it if there is a time. With a zone the time is an instant.
func readDueText(text, zone string, a *Account, now time.Time) *Due {
	loc := a.zone
	if own, err := a.s.location(zone); err == nil {
		loc = own
	}
	day, clock, timed := strings.Cut(text, " ")
	var date time.Time
	switch day {
	case "today":
		date = now.In(loc)
	case "tomorrow":
		date = now.In(loc).AddDate(0, 0, 1)
	default:
		var err error
		if date, err = time.Parse(time.DateOnly, day); err != nil {
			return nil
		}
	}
	if !timed {
		return &Due{Date: date.Format(time.DateOnly)}
	}
	clock = strings.TrimPrefix(clock, "at ")
	if !strings.Contains(clock, ":") {
		clock += ":00"
	}
	at, err := time.Parse("15:04", clock)
	if err != nil {
		return nil
	}
	t := time.Date(date.Year(), date.Month(), date.Day(), at.Hour(), at.Minute(), 0, 0, loc)
	if zone == "" {
		return &Due{Date: t.Format(floatingLayout)}
	}
	return &Due{Date: t.UTC().Format(fixedLayout), Timezone: zone}
}

// dueText is the due for people, in the user's zone.
func (a *Account) dueText(d *Due) string {
	if t, ok := d.Instant(); ok {
		return t.In(a.zone).Format("2006-01-02 15:04")
	}
	if t, err := time.Parse(floatingLayout, d.Date); err == nil {
		return t.Format("2006-01-02 15:04")
	}
	return d.Date
}
