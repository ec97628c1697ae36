package handlers

import (
	"strings"
	"testing"
	"time"

	"tipoff/schedule"
)

func TestTheZonesOfferedAreZonesAndWhatWasTypedIsAmongThem(t *testing.T) {
	f := form{Values: map[string][]string{"timezone": {"Antarctica/Troll"}}}
	field := zoneFieldOf(f, "Yours", "The team’s")
	if got := field.First[len(field.First)-1]; got != (choice{"Antarctica/Troll", "Troll"}) {
		t.Errorf("what was typed is %v", got)
	}
	for _, g := range field.Groups {
		for _, z := range g.Zones {
			if _, err := time.LoadLocation(z.Value); err != nil {
				t.Error(err)
			}
		}
	}
	for _, team := range schedule.Teams() {
		known := zoneFieldOf(form{Values: map[string][]string{"timezone": {team.Zone}}}, "Yours", "The team’s")
		if len(known.First) != 2 && !strings.Contains("America/Detroit America/Indiana/Indianapolis", team.Zone) {
			t.Errorf("the zone of %s, %s, is not offered", team.Code, team.Zone)
		}
	}
}
