package todoist_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tipoff/todoist/fake"
)

func TestLongListsAreReadToTheirEndAndEachThingOnce(t *testing.T) {
	w := newWorld(t)
	project := w.account.AddProject(fake.Project{Name: "Long"})
	for i := range 450 {
		w.account.AddTask(fake.Task{ProjectID: project, Content: fmt.Sprintf("Task %d", i)})
	}
	// Somebody deletes and adds between two pages, so that they shift.
	w.answer = func(r *http.Request) (*http.Response, error) {
		resp, err := w.server.Transport().RoundTrip(r)
		if tasks := w.account.Tasks(project); len(tasks) == 450 {
			w.account.AddTask(fake.Task{ProjectID: project, Content: "New"})
		}
		return resp, err
	}
	tasks, err := w.client().Tasks(t.Context(), project, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, task := range tasks {
		seen[task.ID]++
	}
	if len(seen) != 451 || len(tasks) != 451 || w.sent.Load() != 3 {
		t.Errorf("got %d tasks, %d of them distinct, in %d requests, want 451 in 3", len(tasks), len(seen), w.sent.Load())
	}

	w.answer = text(http.StatusOK, `{"results": [{"id": "1"}], "next_cursor": "again"}`)
	w.sent.Store(0)
	tasks, err = w.client().Tasks(t.Context(), project, nil)
	if err == nil || w.sent.Load() > 50 {
		t.Errorf("a list without an end gave %d tasks in %d requests, and no error", len(tasks), w.sent.Load())
	}
}

func TestCompletedTasksOfAWholeSeasonAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		project := w.account.AddProject(fake.Project{Name: "Games"})
		began := time.Now()
		for month := range 10 {
			id := w.account.AddTask(fake.Task{ProjectID: project, Content: fmt.Sprint("Game ", month)})
			if err := w.account.CompleteTask(id); err != nil {
				t.Fatal(err)
			}
			w.account.AddTask(fake.Task{ProjectID: project, Content: "Open"})
			time.Sleep(30 * 24 * time.Hour)
		}
		other := w.account.AddTask(fake.Task{Content: "Elsewhere"})
		if err := w.account.CompleteTask(other); err != nil {
			t.Fatal(err)
		}
		until := time.Now().Add(time.Minute)
		if tasks, err := w.client().Completed(t.Context(), project, began, until, nil); err != nil || len(tasks) != 10 {
			t.Errorf("got %d tasks of the project and %v, want 10", len(tasks), err)
		}
	})
}
