//go:build long

package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestLongPagesSayThatTheFeedIsTooLarge(t *testing.T) {
	t.Run("too much", wrongFeed{serveAnswer(t, func(w http.ResponseWriter, _ *http.Request) {
		repeated(w, `{"weeks":[`, `"`+strings.Repeat("x", 1000)+`",`, `0]}`, 21<<20)
	}), "the schedule is not refreshed", "The league's feed sent more than 20 MB."}.isSaid)
}
