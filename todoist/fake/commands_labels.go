package fake

import "strings"

func labelAdd(b *batch, a *args) (string, *Error) {
	l := Label{Name: a.title("name", maxLabelName), Color: "charcoal"}
	a.oneOf(&l.Color, "color", colors()...)
	set(a, &l.Favorite, "is_favorite", "boolean")
	l.Order = len(b.a.labels) + 1
	set(a, &l.Order, "item_order", "integer")
	active := 0
	for _, other := range b.a.labels {
		if other.Deleted {
			continue
		}
		active++
		if strings.EqualFold(other.Name, l.Name) {
			a.fail(invalidArgument("name", "a new name", "there is such a label"))
		}
	}
	if limit := b.a.enforced.Labels; active >= limit {
		a.fail(maxLabels(limit))
	}
	if a.err != nil {
		return "", a.err
	}
	l.ID, l.changed = b.s.newLabelID(), b.a.touch()
	b.a.labels = append(b.a.labels, &l)
	return l.ID, nil
}
