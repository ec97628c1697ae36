package todoist

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestErrorObjectsAreReadWhateverTheyLack(t *testing.T) {
	for body, want := range map[string]Error{
		`{}`: {Status: 403},
		`{"error_tag":"MAX_PROJECTS_LIMIT_REACHED","error_code":49,"error":"Maximum number of projects reached","http_code":403,"error_extra":{"max_count":5}}`: {
			Status: 403, Tag: TagProjectLimit, Code: 49, Text: "Maximum number of projects reached"},
		`{"error_code":15,"error":"Invalid temporary id"}`: {Status: 403, Code: 15, Text: "Invalid temporary id"},
		`{"error_tag":"INVALID_ARGUMENT_VALUE","http_code":400,"error_extra":{"argument":"duration","retry_after":2.5}}`: {
			Status: 400, Tag: TagInvalidArgument, Argument: "duration", RetryAfter: 2500 * time.Millisecond},
		`{"error":"x","error_extra":null}`:                    {Status: 403, Text: "x"},
		`{"error":"x","error_extra":[1,2]}`:                   {Status: 403, Text: "x"},
		`{"error":"x","error_extra":"word"}`:                  {Status: 403, Text: "x"},
		`{"error":"x","error_extra":{"argument":{"deep":1}}}`: {Status: 403, Text: "x"},
	} {
		var w wireError
		if err := json.Unmarshal([]byte(body), &w); err != nil {
			t.Fatal(err)
		}
		if got := w.refusal(403); *got != want {
			t.Errorf("%s: got %+v, want %+v", body, *got, want)
		}
	}
}

func TestPlanLimitsAreToldFromOtherRefusals(t *testing.T) {
	for tag, want := range map[string]bool{TagProjectLimit: true, TagTaskLimit: true, TagSectionLimit: true, "MAX_REMINDERS_LIMIT_REACHED": true,
		"PREMIUM_ONLY": true, TagScope: false, TagRateLimit: false, TagInvalidArgument: false, "FORBIDDEN": false, "": false} {
		if got := (&Error{Status: 403, Tag: tag}).PlanLimit(); got != want {
			t.Errorf("%q: got %t, want %t", tag, got, want)
		}
	}
}

func TestDuesMeanTheSameHoweverTheyAreWritten(t *testing.T) {
	zone := func(s string) *string { return &s }
	for _, tt := range []struct {
		name string
		a, b *Due
		same bool
	}{
		{"with and without a fraction", &Due{Date: "2026-10-20T23:30:00.000000Z", Timezone: zone("America/New_York")}, DueAt(time.Date(2026, 10, 20, 19, 30, 0, 0, time.FixedZone("", -4*3600)), "America/New_York"), true},
		{"in another zone", DueAt(time.Unix(1e9, 0), "America/New_York"), DueAt(time.Unix(1e9, 0), "Europe/Berlin"), true},
		{"a minute later", DueAt(time.Unix(1e9, 0), "UTC"), DueAt(time.Unix(1e9+60, 0), "UTC"), false},
		{"a day and an instant on it", DueOn("2026-10-20"), &Due{Date: "2026-10-20T00:00:00Z"}, false},
		{"a wall clock and an instant", &Due{Date: "2026-10-20T19:30:00"}, &Due{Date: "2026-10-20T19:30:00Z"}, false},
		{"once and every week", DueOn("2026-10-20"), &Due{Date: "2026-10-20", Recurring: true, String: "every week"}, false},
		{"none and one", nil, DueOn("2026-10-20"), false},
		{"none and none", nil, nil, true},
	} {
		if got := tt.a.Key() == tt.b.Key(); got != tt.same {
			t.Errorf("%s: %q and %q are the same: %t, want %t", tt.name, tt.a.Key(), tt.b.Key(), got, tt.same)
		}
	}
	var none *Due
	if none.Zone() != "" || DueOn("2026-10-20").Zone() != "" || DueAt(time.Unix(0, 0), "UTC").Zone() != "UTC" {
		t.Error("zones are not those given")
	}
}

func FuzzSyncAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"sync_token":"a","full_sync":true,"sync_status":{"u":"ok","v":{"error_tag":"X","error_code":1}},"temp_id_mapping":{"t":"1"}}`,
		`{"user":{"id":"1","tz_info":{"timezone":"UTC"}},"user_plan_limits":{"current":{"max_projects":5},"next":null}}`,
		`{"projects":null,"sections":[],"reminders":[{"minute_offset":5}]}`,
		`{"projects":{}}`, `[]`, `null`, `{"user_plan_limits":{"current":null}}`, `{"unknown":[[[{}]]],"sections":[null]}`, `{"sync_status":{"u":null}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if _, err := decodeAnswer(strings.NewReader(body)); err != nil {
			return
		}
		if !json.Valid([]byte(body)) {
			// What follows an answer is not looked at, what is in it is.
			if dec := json.NewDecoder(strings.NewReader(body)); dec.Decode(new(json.RawMessage)) != nil {
				t.Errorf("an answer was read that is not JSON")
			}
		}
	})
}

func FuzzErrorObject(f *testing.F) {
	for _, seed := range []string{`{"error":"x","error_extra":{"retry_after":1e400}}`, `{"error_extra":{"retry_after":-1}}`, `{"error":"\ud800"}`,
		`{"http_code":429,"error_extra":{"retry_after":66}}`, `{"error_tag":"0123456789abcdef0123456789abcdef01234567"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var w wireError
		if json.Unmarshal([]byte(body), &w) != nil {
			return
		}
		e := w.refusal(500)
		if e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour {
			t.Errorf("a wait of %s", e.RetryAfter)
		}
		if s := e.Error(); !utf8.ValidString(e.Text) || len(e.Text) > 4*201 || fmt.Sprint(e) != s {
			t.Errorf("a text of %d bytes: %q", len(e.Text), s)
		}
		for _, word := range strings.Fields(strings.NewReplacer("(", " ", ")", " ", ":", " ").Replace(e.Error())) {
			if len(word) == 40 && strings.Trim(word, "0123456789abcdef") == "" {
				t.Errorf("what could be a token is in %q", e.Error())
			}
		}
	})
}
