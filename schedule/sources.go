package schedule

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Where the league and ESPN publish their schedules.
const (
	LeagueURL = "https://cdn.nba.com/static/json/staticData/scheduleLeagueV2.json"
	ESPNURL   = "https://site.web.api.espn.com"
)

// errUnchanged is returned by a source that has nothing new.
var errUnchanged = errors.New("not changed")

// requestTimeout is for one request and its whole answer.
const requestTimeout = 15 * time.Second

// maxBody is more than six times the size of the league's feed.
const maxBody = 20 << 20

// statusError is a status other than those that get understands.
type statusError int

func (e statusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", int(e), http.StatusText(int(e))))
}

// errWebPage is returned for an answer that is a page for people. Servers send
// one, with any status and any content type, to those that they turn away.
var errWebPage = errors.New("the server answered with a web page")

// get requests a document and has it read. The answer's header is returned.
func (l *Live) get(ctx context.Context, url string, header http.Header, read func(io.Reader) error) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := l.cfg.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		body := bufio.NewReader(http.MaxBytesReader(nil, resp.Body, maxBody))
		if start, _ := body.Peek(512); bytes.HasPrefix(bytes.TrimSpace(start), []byte("<")) {
			return nil, errWebPage
		}
		return resp.Header, read(body)
	case http.StatusNotModified:
		return resp.Header, errUnchanged
	}
	return nil, fmt.Errorf("the server answered %w", statusError(resp.StatusCode))
}

// fetchNBA asks the league. Since May 2026 its CDN wants a Referer, and it has
// always wanted a browser; it refuses many cloud hosts whatever they send.
func (l *Live) fetchNBA(ctx context.Context) (*Season, validators, error) {
	header := http.Header{
		"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"},
		"Accept":          {"application/json, text/plain, */*"},
		"Accept-Language": {"en-US,en;q=0.5"},
		"Origin":          {"https://www.nba.com"},
		"Referer":         {"https://www.nba.com/"},
	}
	// Only what the league itself sent can be confirmed by it.
	if v := l.validators; v.URL == l.cfg.URL && l.season.Load().Source == SourceNBA {
		if v.ETag != "" {
			header.Set("If-None-Match", v.ETag)
		}
		if v.Modified != "" {
			header.Set("If-Modified-Since", v.Modified)
		}
	}
	var s *Season
	got, err := l.get(ctx, l.cfg.URL, header, func(body io.Reader) (err error) {
		s, err = DecodeNBA(body)
		return err
	})
	if err != nil {
		return nil, validators{}, fmt.Errorf("get the league's feed: %w", err)
	}
	return s, validators{URL: l.cfg.URL, ETag: got.Get("Etag"), Modified: got.Get("Last-Modified")}, nil
}

// The season types that ESPN tells apart: preseason, regular season, play-offs
// and play-in. The type between, 4, is the All-Star weekend.
var espnSeasonTypes = [...]int{1, 2, 3, 5}

const (
	espnAtOnce = 4                      // requests
	espnPause  = 100 * time.Millisecond // of each of them before the next
)

// fetchESPN asks ESPN for the schedules of all teams, of the season it is time
// for. Its API is not documented and sets no limits, so that it is asked
// gently. A request that fails is made once more. ESPN refuses some browsers
// and does not refuse Go.
func (l *Live) fetchESPN(ctx context.Context) (*Season, validators, error) {
	year := seasonYear(l.cfg.Now())
	schedules := make([]*Season, len(teams)*len(espnSeasonTypes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(espnAtOnce)
	for i := range schedules {
		team, seasonType := teams[i%len(teams)], espnSeasonTypes[i/len(teams)]
		url := fmt.Sprintf("%s/apis/site/v2/sports/basketball/nba/teams/%s/schedule?season=%d&seasontype=%d",
			strings.TrimSuffix(l.cfg.ESPNURL, "/"), strings.ToLower(team.ESPN), year+1, seasonType)
		group.Go(func() error {
			var err error
			for range 2 {
				_, err = l.get(ctx, url, http.Header{"Accept": {"application/json"}}, func(body io.Reader) (err error) {
					schedules[i], err = DecodeESPN(body)
					return err
				})
				if errors.Is(err, statusError(http.StatusNotFound)) && seasonType != 2 {
					schedules[i], err = &Season{}, nil
				}
				select {
				case <-ctx.Done():
					return cmp.Or(err, ctx.Err())
				case <-time.After(espnPause):
				}
				if err == nil {
					return nil
				}
			}
			return fmt.Errorf("get ESPN's schedule of %s: %w", team.Code, err)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, validators{}, err
	}
	return mergeESPN(seasonLabel(year), schedules), validators{}, nil
}

func (l *Live) isFile() bool {
	return l.cfg.URL != "" && !strings.HasPrefix(l.cfg.URL, "http://") && !strings.HasPrefix(l.cfg.URL, "https://")
}

// readFile reads the feed from a file, unless it is the one that v describes.
func (l *Live) readFile(v validators) (*Season, validators, error) {
	f, err := os.Open(l.cfg.URL)
	if err != nil {
		return nil, v, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, v, err
	}
	seen := validators{ETag: fmt.Sprint(info.Size()), Modified: info.ModTime().UTC().Format(time.RFC3339Nano)}
	if seen == v {
		return nil, v, errUnchanged
	}
	s, err := DecodeNBA(f)
	if err != nil {
		return nil, v, err
	}
	s.Source = SourceFile
	if s.AsOf.IsZero() {
		s.AsOf = info.ModTime().UTC().Truncate(time.Second)
	}
	return s, seen, nil
}
