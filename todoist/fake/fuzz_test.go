package fake_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"tipoff/todoist/fake"
)

// FuzzSync: whatever the body, the answer is JSON with a status that the
// documentation knows, and the account can be read afterwards.
func FuzzSync(f *testing.F) {
	f.Add(true, `{"sync_token":"*","resource_types":["all","-user"],"commands":[{"type":"project_add","uuid":"1","temp_id":"p","args":{"name":"P","color":"red"}},{"type":"item_add","uuid":"2","temp_id":"t","args":{"content":"x","project_id":"p","due":{"date":"2026-10-21T23:30:00Z","timezone":"America/New_York"},"labels":["a"],"duration":{"amount":1,"unit":"day"}}},{"type":"item_move","uuid":"3","args":{"id":"t","parent_id":"t"}},{"type":"reminder_add","uuid":"4","args":{"item_id":"t","type":"relative","minute_offset":1}}]}`)
	f.Add(true, `{"commands":[{"type":"project_move","uuid":"1","args":{"id":null,"parent_id":{}}},{"type":"item_reorder","uuid":"2","args":{"items":[null,{}]}},{"type":"view_options_set","uuid":"3","args":{"view_type":"today"}}]}`)
	f.Add(true, `{"commands":[{"type":"item_add","uuid":"1","args":null}],"sync_token":1,"resource_types":[null]}`)
	f.Add(true, `null`)
	f.Add(false, `commands=%5B%7B%22type%22%3A%22label_add%22%2C%22uuid%22%3A%221%22%2C%22args%22%3A%7B%22name%22%3A%22x%22%7D%7D%5D&sync_token=*&resource_types=%5B%22labels%22%5D`)
	f.Add(false, `commands=%zz`)
	f.Fuzz(func(t *testing.T, isJSON bool, body string) {
		s := fake.New(fake.Config{})
		s.AddAccount(fake.Profile{ID: "1", APIToken: "token", Plan: fake.Pro})
		send := func(kind, body string) {
			r := httptest.NewRequest("POST", "/api/v1/sync", strings.NewReader(body))
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Authorization", "Bearer token")
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			if rec.Code != 200 && rec.Code != 400 && rec.Code != 413 {
				t.Errorf("status %d", rec.Code)
			}
			var v map[string]any
			if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
				t.Errorf("the answer %q is not JSON: %v", rec.Body, err)
			}
		}
		kind := "application/x-www-form-urlencoded"
		if isJSON {
			kind = "application/json"
		}
		send(kind, body)
		send(kind, body)
		send("application/json", `{"sync_token":"*","resource_types":["all"]}`)
	})
}
