package e2e

import (
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestALinkToAnyPageShowsThePictureOfTipoff(t *testing.T) {
	t.Parallel()
	s := startSite(t, midSeason, "-public-url", publicURL+"/sports")
	want := publicURL + "/sports/static/share.png"
	for _, path := range []string{"/", "/teams/bos", "/teams/lal?venue=home", "/sign-in", "/no/such/page"} {
		page := s.browser().get("/sports" + path).body
		found := regexp.MustCompile(`<meta property="og:image" content="([^"]*)">`).FindStringSubmatch(page)
		if found == nil || found[1] != want {
			t.Errorf("%s has the picture %q, want %s", path, found, want)
		}
	}
	picture := s.browser().ask(http.MethodGet, "/sports/static/share.png")
	size, err := png.DecodeConfig(strings.NewReader(picture.body))
	if err != nil || size.Width != 1200 || size.Height != 630 {
		t.Errorf("the picture is answered %d, is %d by %d, %v", picture.status, size.Width, size.Height, err)
	}
	if got := picture.header.Get("Cross-Origin-Resource-Policy"); got != "cross-origin" {
		t.Errorf("other sites may not show the picture: Cross-Origin-Resource-Policy is %q", got)
	}
}
