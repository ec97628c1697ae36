package schedule

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tipoff/jsonstream"
)

// nbaGame is what is of use in one game of the league's feed. Its fields end
// in Z whatever zone they are in: only gameDateTimeUTC is an instant, those
// with Est are Eastern clocks and homeTeamTime is one in the home market.
type nbaGame struct {
	GameID           string    `json:"gameId"`
	GameStatus       int       `json:"gameStatus"`
	GameStatusText   string    `json:"gameStatusText"` // may have trailing spaces
	GameDateEst      string    `json:"gameDateEst"`
	GameTimeEst      string    `json:"gameTimeEst"`
	GameDateTimeEst  string    `json:"gameDateTimeEst"`
	GameDateTimeUTC  string    `json:"gameDateTimeUTC"`
	HomeTeamTime     string    `json:"homeTeamTime"`
	IfNecessary      looseBool `json:"ifNecessary"` // a string in one of the two shapes
	SeriesGameNumber string    `json:"seriesGameNumber"`
	GameLabel        string    `json:"gameLabel"`
	GameSubLabel     string    `json:"gameSubLabel"`
	SeriesText       string    `json:"seriesText"`
	ArenaName        string    `json:"arenaName"`
	ArenaState       string    `json:"arenaState"`
	ArenaCity        string    `json:"arenaCity"`
	PostponedStatus  string    `json:"postponedStatus"`
	GameSubtype      string    `json:"gameSubtype"`
	IsNeutral        looseBool `json:"isNeutral"`

	Broadcasters struct {
		National   []nbaChannel `json:"nationalBroadcasters"`   // one shape
		NationalTV []nbaChannel `json:"nationalTvBroadcasters"` // the other
		Stream     []nbaChannel `json:"nationalOttBroadcasters"`
		HomeTV     []nbaChannel `json:"homeTvBroadcasters"`
		HomeStream []nbaChannel `json:"homeOttBroadcasters"`
		AwayTV     []nbaChannel `json:"awayTvBroadcasters"`
		AwayStream []nbaChannel `json:"awayOttBroadcasters"`
	} `json:"broadcasters"`

	HomeTeam nbaTeam `json:"homeTeam"`
	AwayTeam nbaTeam `json:"awayTeam"`
}

type nbaChannel struct {
	Display string `json:"broadcasterDisplay"`
}

// nbaTeam is a side of a game. Its number is 0 and its strings are null or ""
// while nobody knows who plays.
type nbaTeam struct {
	TeamID      int    `json:"teamId"`
	TeamName    string `json:"teamName"`
	TeamCity    string `json:"teamCity"`
	TeamTricode string `json:"teamTricode"`
}

// DecodeNBA reads the league's feed, scheduleLeagueV2 in either of its shapes.
// It is tolerant of fields that are missing, null, unknown or of another type;
// a game without an id that tells its type, or without a day, is left out. An
// error means that the document is not complete or not this feed. A season has
// some 1,500 games; a document that lists many times that is refused.
func DecodeNBA(r io.Reader) (*Season, error) {
	s, err := decodeNBA(jsonstream.NewReader(r, jsonstream.Limits{Value: maxValue, Elements: 10_000}))
	if err != nil {
		return nil, fmt.Errorf("read the league's feed: %w", truncated(err))
	}
	return s, nil
}

func decodeNBA(in *jsonstream.Reader) (*Season, error) {
	s := &Season{Source: SourceNBA}
	err := in.Object(func(key string) error {
		switch key {
		case "meta":
			var meta struct {
				Time string `json:"time"`
			}
			if err := value(in, &meta); err != nil {
				return err
			}
			s.AsOf, _ = instant(meta.Time)
			return nil
		case "leagueSchedule":
			return in.Object(func(key string) error {
				switch key {
				case "seasonYear":
					return value(in, &s.Label)
				case "gameDates":
					return in.Array(func() error { return s.decodeDate(in) })
				}
				return in.Skip()
			})
		}
		return in.Skip()
	})
	if err != nil {
		return nil, err
	}
	if err := in.End(); err != nil {
		return nil, err
	}
	if s.Label = tidy(s.Label); s.Label == "" {
		return nil, fmt.Errorf("%w: no seasonYear", errNotSchedule)
	}
	for i := range s.Games {
		s.Games[i].Season = s.Label
	}
	s.finish()
	return s, nil
}

// decodeDate reads one element of gameDates, which may have no games. Its own
// date, which comes in two formats, is not needed.
func (s *Season) decodeDate(in *jsonstream.Reader) error {
	return in.Object(func(key string) error {
		if key != "games" {
			return in.Skip()
		}
		return in.Array(func() error {
			var raw nbaGame
			if err := value(in, &raw); err != nil {
				return err
			}
			if g, ok := raw.game(); ok {
				s.Games = append(s.Games, g)
			}
			return nil
		})
	})
}

// game turns what the feed says into a game, and reports whether it is one.
func (n *nbaGame) game() (Game, bool) {
	g := Game{
		ID:          strings.TrimSpace(n.GameID),
		Type:        n.gameType(),
		Home:        n.HomeTeam.side(),
		Away:        n.AwayTeam.side(),
		IfNecessary: bool(n.IfNecessary),
		Neutral:     bool(n.IsNeutral) || strings.EqualFold(strings.TrimSpace(n.SeriesText), "Neutral Site"),
		Arena:       place(n.ArenaName),
		City:        place(n.ArenaCity),
		State:       place(n.ArenaState),
		National:    channels(n.Broadcasters.National, n.Broadcasters.NationalTV, n.Broadcasters.Stream),
		HomeTV:      channels(n.Broadcasters.HomeTV, n.Broadcasters.HomeStream),
		AwayTV:      channels(n.Broadcasters.AwayTV, n.Broadcasters.AwayStream),
		Label:       tidy(plainLabel(n.GameLabel)),
		SubLabel:    tidy(n.GameSubLabel),
		Series:      tidy(n.SeriesGameNumber),
	}
	if g.Series == "" {
		g.Series = tidy(n.SeriesText)
	}

	status := strings.ToLower(tidy(n.GameStatusText))
	// postponedStatus is A for every game of one season and N for every game
	// of another; only Y has ever meant anything.
	g.Postponed = status == "ppd" || status == "postponed" || n.PostponedStatus == "Y"
	switch n.GameStatus {
	case 2:
		g.Status = InProgress
	case 3:
		g.Status = Final
	default:
		g.Status = Scheduled
	}

	// A game without a time has an instant all the same, midnight Eastern, so
	// that it is the other fields that tell.
	undecided := status == "tbd" || strings.HasPrefix(n.GameTimeEst, "0001") || strings.HasPrefix(n.HomeTeamTime, "0001")
	if !undecided {
		g.Tip = n.tip()
	}
	if day, ok := instant(n.GameDateEst); ok {
		g.Day = DayOf(day, time.UTC) // an Eastern date despite its Z
	} else if !g.Tip.IsZero() {
		g.Day = DayOf(g.Tip, Eastern())
	}
	return g, g.Type != "" && g.Day != ""
}

// tip returns the instant of the tip-off, or no time.
func (n *nbaGame) tip() time.Time {
	if t, ok := instant(n.GameDateTimeUTC); ok {
		return t
	}
	if wall, ok := instant(n.GameDateTimeEst); ok {
		return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, Eastern()).UTC()
	}
	return time.Time{}
}

// gameType tells the type from the third digit of the id. In the regular
// season the Cup's games are told apart by other fields.
func (n *nbaGame) gameType() Type {
	id := strings.TrimSpace(n.GameID)
	if len(id) != 10 || !digits(id) {
		return ""
	}
	switch id[2] {
	case '1':
		return Preseason
	case '2':
		if strings.HasPrefix(n.GameSubtype, "in-season") || strings.Contains(n.GameLabel, "NBA Cup") {
			return Cup
		}
		return Regular
	case '3':
		return AllStar
	case '4':
		return Playoffs
	case '5':
		return PlayIn
	case '6':
		return Cup
	}
	return ""
}

// side returns the thirty's own codes by their number, and for a guest what
// the feed calls it.
func (t *nbaTeam) side() Side {
	if t.TeamID == 0 {
		return Side{}
	}
	side := Side{Code: teamCode(t.TeamTricode), City: tidy(t.TeamCity), Name: tidy(t.TeamName)}
	if team, ok := teamByID(t.TeamID); ok {
		side.Code = team.Code
		if side.Name == "" {
			side = team.Side()
		}
	}
	if side.Code == "" {
		return Side{}
	}
	return side
}

// channels joins lists of broadcasters into one of names.
func channels(lists ...[]nbaChannel) []string {
	var all []string
	for _, list := range lists {
		for _, c := range list {
			all = append(all, c.Display)
		}
	}
	return names(all)
}
