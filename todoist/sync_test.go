package todoist_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tipoff/todoist"
	"tipoff/todoist/fake"
)

func TestAReadKeepsWhatIsAskedForAndCountsTheRest(t *testing.T) {
	w := newWorld(t)
	project := w.account.AddProject(fake.Project{Name: "Games"})
	for _, content := range []string{"Celtics at Knicks", "Buy milk", "Knicks vs Nets"} {
		w.account.AddTask(fake.Task{ProjectID: project, Content: content})
	}
	done := w.account.AddTask(fake.Task{ProjectID: project, Content: "Celtics at Heat"})
	if err := w.account.CompleteTask(done); err != nil {
		t.Fatal(err)
	}
	state, err := w.client().Read(t.Context(), func(t *todoist.Task) (bool, error) { return strings.Contains(t.Content, "Knicks"), nil }, todoist.ResourceTasks)
	if err != nil || len(state.Tasks) != 2 || state.Open[project] != 3 {
		t.Errorf("got %d tasks, %v open, %v; want 2 and 3 open", len(state.Tasks), state.Open, err)
	}
}

func TestAWriteTellsWhatBecameOfEachCommand(t *testing.T) {
	w := newWorld(t)
	state, err := w.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add := func(name, content string) todoist.Command {
		return todoist.Command{Type: "item_add", UUID: todoist.UUID(name), TempID: name, Args: map[string]any{"content": content}}
	}
	result, err := w.client().Write(t.Context(), []todoist.Command{add("good", "Game"), add("bad", "  ")}, state.Token)
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
	result, err = w.client().Write(t.Context(), []todoist.Command{add("a", "A"), add("b", "B"), add("c", "C"), add("d", "D")}, state.Token)
	if err != nil || len(result.Refused) != 1 || result.Refused[todoist.UUID("c")] == nil || !slices.Equal(result.Unanswered, []string{todoist.UUID("d")}) {
		t.Errorf("got %+v, %v; want c refused and d without an answer", result, err)
	}

	for _, n := range []int{0, todoist.MaxCommands + 1} {
		if _, err := w.client().Write(t.Context(), make([]todoist.Command, n), state.Token); err == nil {
			t.Errorf("%d commands were sent", n)
		}
	}
}
