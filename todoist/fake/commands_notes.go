package fake

func noteAdd(b *batch, a *args) (string, *Error) {
	n := Note{Content: a.title("content", maxNote)}
	task, project := a.task("item_id"), a.project("project_id")
	switch {
	case a.err != nil:
		return "", a.err
	case task != nil && project == nil:
		n.TaskID = task.ID
	case project != nil && task == nil:
		n.ProjectID = project.ID
	default:
		return "", invalidArgument("item_id", "exactly one of item_id and project_id", "")
	}
	return b.a.addNote(n, b.now).ID, nil
}
