package fake

// The lengths that Todoist accepts, in characters.
const (
	maxProjectName = 120
	maxProjectText = 1024
	maxSectionName = 2048
	maxContent     = 500
	maxDescription = 16383
	maxLabelName   = 60
	maxNote        = 15000
	maxDueText     = 150
)

// A kind is a type of command: the right it needs and what it does. What run
// returns is the id of the object that it made, if it made one.
type kind struct {
	need scope
	run  func(*batch, *args) (id string, e *Error)
}

// commandKind finds a type of command.
func commandKind(name string) (kind, bool) {
	switch name {
	case "project_add":
		return kind{write, projectAdd}, true
	case "project_update":
		return kind{write, projectUpdate}, true
	case "project_move":
		return kind{write, projectMove}, true
	case "project_archive":
		return kind{write, projectArchive}, true
	case "project_unarchive":
		return kind{write, projectUnarchive}, true
	case "project_delete":
		return kind{deleteProjects, projectDelete}, true
	case "section_add":
		return kind{write, sectionAdd}, true
	case "section_update":
		return kind{write, sectionUpdate}, true
	case "section_move":
		return kind{write, sectionMove}, true
	case "section_delete":
		return kind{deleteData, sectionDelete}, true
	case "item_add":
		return kind{addTasks, itemAdd}, true
	case "item_update":
		return kind{write, itemUpdate}, true
	case "item_move":
		return kind{write, itemMove}, true
	case "item_reorder":
		return kind{write, itemReorder}, true
	case "item_close", "item_complete":
		return kind{write, itemComplete}, true
	case "item_uncomplete":
		return kind{write, itemUncomplete}, true
	case "item_delete":
		return kind{deleteData, itemDelete}, true
	case "reminder_add":
		return kind{write, reminderAdd}, true
	case "reminder_update":
		return kind{write, reminderUpdate}, true
	case "reminder_delete":
		return kind{deleteData, reminderDelete}, true
	case "label_add":
		return kind{write, labelAdd}, true
	case "note_add":
		return kind{write, noteAdd}, true
	case "view_options_set":
		return kind{write, viewOptionsSet}, true
	case "project_view_options_defaults_set":
		return kind{write, projectViewDefaultsSet}, true
	}
	return kind{}, false
}
