package todoist_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"tipoff/todoist"
)

func TestAWriteTellsWhatBecameOfEachCommand(t *testing.T) {
	w := newWorld(t)
	add := func(name, content string) todoist.Command {
		return todoist.Command{Type: "item_add", UUID: todoist.UUID(name), TempID: name, Args: map[string]any{"content": content}}
	}
	result, err := w.client().Write(t.Context(), []todoist.Command{add("good", "Game"), add("bad", "  ")})
	if err != nil {
		t.Fatal(err)
	}
	refusal := result.Refused[todoist.UUID("bad")]
	if len(result.Refused) != 1 || refusal == nil || refusal.Tag != todoist.TagInvalidArgument || refusal.Argument != "content" {
		t.Errorf("refused are %v, want the blank one alone", result.Refused)
	}
	if result.IDs["good"] == "" || result.IDs["bad"] != "" {
		t.Errorf("ids are %v, want one of the good one", result.IDs)
	}

	w.answer = text(http.StatusOK, fmt.Sprintf(`{"sync_token": "x", "sync_status": {%q: "ok", %q: {"operation": {"id": 1}}, %q: {"error": "No"}}}`,
		todoist.UUID("a"), todoist.UUID("b"), todoist.UUID("c")))
	result, err = w.client().Write(t.Context(), []todoist.Command{add("a", "A"), add("b", "B"), add("c", "C"), add("d", "D")})
	if err != nil || len(result.Refused) != 1 || result.Refused[todoist.UUID("c")] == nil || !slices.Equal(result.Unanswered, []string{todoist.UUID("d")}) {
		t.Errorf("got %+v, %v; want c refused and d without an answer", result, err)
	}

	for _, n := range []int{0, todoist.MaxCommands + 1} {
		if _, err := w.client().Write(t.Context(), make([]todoist.Command, n)); err == nil {
			t.Errorf("%d commands were sent", n)
		}
	}
}
