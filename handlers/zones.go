package handlers

import (
	"strings"
	"time"

	"tipoff/importer"
	"tipoff/schedule"
)

// zoneOf is the zone that the options ask for, or otherwise.
func zoneOf(t schedule.Team, o importer.Options, otherwise *time.Location) *time.Location {
	name := o.Timezone
	if name == importer.ZoneTeam {
		name = t.Zone
	}
	if zone, err := time.LoadLocation(name); err == nil && name != "" {
		return zone
	}
	return otherwise
}

// zoneWords names a zone for people: "New York time".
func zoneWords(zone string) string {
	city := zoneCity(zone)
	if city == zone {
		return zone
	}
	return city + " time"
}

// zoneCity is the city in a zone's name, or the name where there is none.
func zoneCity(zone string) string {
	return strings.ReplaceAll(zone[strings.LastIndex(zone, "/")+1:], "_", " ")
}

// A zoneField is a form's choice of a time zone.
type zoneField struct {
	Form form
	// First are those that suit whoever asks, with the reason in words; Groups
	// are cities of the world.
	First  []choice
	Groups []zoneGroup
}

type zoneGroup struct {
	Name  string
	Zones []choice
}

// worldZones are the zones that everybody is offered, by part of the world.
var worldZones = []struct {
	name  string
	zones []string
}{
	{"Americas", []string{"America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
		"America/Anchorage", "Pacific/Honolulu", "America/Toronto", "America/Vancouver", "America/Halifax", "America/St_Johns",
		"America/Mexico_City", "America/Puerto_Rico", "America/Bogota", "America/Lima", "America/Caracas", "America/Santiago",
		"America/Sao_Paulo", "America/Argentina/Buenos_Aires"}},
	{"Europe", []string{"Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Madrid", "Europe/Paris", "Europe/Berlin", "Europe/Rome",
		"Europe/Belgrade", "Europe/Warsaw", "Europe/Athens", "Europe/Helsinki", "Europe/Vilnius", "Europe/Kyiv", "Europe/Istanbul"}},
	{"Africa and Middle East", []string{"Africa/Lagos", "Africa/Cairo", "Africa/Johannesburg", "Africa/Nairobi", "Asia/Beirut", "Asia/Jerusalem",
		"Asia/Riyadh", "Asia/Dubai"}},
	{"Asia", []string{"Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Jakarta", "Asia/Manila", "Asia/Singapore",
		"Asia/Hong_Kong", "Asia/Shanghai", "Asia/Taipei", "Asia/Seoul", "Asia/Tokyo"}},
	{"Pacific", []string{"Australia/Perth", "Australia/Adelaide", "Australia/Brisbane", "Australia/Sydney", "Pacific/Auckland"}},
	{"None", []string{"UTC"}},
}

// zoneFieldOf offers zones: what leaving it open means, the team's own where there
// is one, what was typed into the address, and cities enough that everybody finds
// one with the same clock.
func zoneFieldOf(f form, open, team string) zoneField {
	field := zoneField{Form: f, First: []choice{{"", open}}}
	if team != "" {
		field.First = append(field.First, choice{importer.ZoneTeam, team})
	}
	known := map[string]bool{"": true, importer.ZoneTeam: true}
	for _, part := range worldZones {
		g := zoneGroup{Name: part.name}
		for _, zone := range part.zones {
			known[zone] = true
			g.Zones = append(g.Zones, choice{zone, zoneCity(zone)})
		}
		field.Groups = append(field.Groups, g)
	}
	switch typed := f.Get("timezone"); {
	case typed == importer.ZoneTeam && team == "":
		field.First = append(field.First, choice{typed, "Where each team plays"})
	case !known[typed]:
		field.First = append(field.First, choice{typed, zoneCity(typed)})
	}
	return field
}
