package templates

import (
	"html/template"
	"io"
	"strings"
	"testing"
)

func TestATemplateThatCallsWhatDoesNotExistFailsAtTheStart(t *testing.T) {
	if _, err := Parse(template.FuncMap{}); err == nil || !strings.Contains(err.Error(), "parse the layout") {
		t.Errorf("Parse without functions reports %v, want an error that names the layout", err)
	}
}

func TestAPageThatDoesNotExistIsAnError(t *testing.T) {
	if err := (&Set{}).Execute(io.Discard, "nowhere", nil); err == nil {
		t.Error("a page that does not exist renders")
	}
}

func TestTheTemplatesHaveNothingInline(t *testing.T) {
	names, err := files.ReadDir("pages")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range names {
		content, err := files.ReadFile("pages/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, banned := range []string{" style=", "<style", " onclick=", "javascript:", "<script>", "safeHTML"} {
			if strings.Contains(string(content), banned) {
				t.Errorf("%s contains %q", entry.Name(), banned)
			}
		}
	}
}
