package schedule

import (
	"slices"
	"strings"
)

// Team is one of the league's thirty.
type Team struct {
	ID   int    // the league's
	Code string // the league's three letters, "NYK"
	ESPN string // ESPN's abbreviation, "NY"

	City string // "LA" for the Clippers, as the league has it
	Name string
	Slug string // the league's, "sixers"

	Conference string // "East" or "West"
	Division   string
	Primary    string // colours as #RRGGBB, those that ESPN shows in 2026-27
	Secondary  string
	Zone       string // IANA name of the home market's time zone

	Arena      string // of 2026-27; a feed that names another is right
	ArenaCity  string
	ArenaState string
}

// FullName returns city and name.
func (t Team) FullName() string { return t.City + " " + t.Name }

// Side returns the team as a side in a game.
func (t Team) Side() Side { return Side{Code: t.Code, City: t.City, Name: t.Name} }

// Teams returns the thirty teams, sorted by their full names.
func Teams() []Team { return slices.Clone(teams[:]) }

// TeamByCode finds a team by the league's code or by one of the others in use,
// in any case.
func TeamByCode(code string) (Team, bool) {
	code = strings.ToUpper(code)
	switch code {
	case "PHO":
		code = "PHX"
	case "BRK":
		code = "BKN"
	case "CHO":
		code = "CHA"
	}
	for i := range teams {
		if teams[i].Code == code || teams[i].ESPN == code {
			return teams[i], true
		}
	}
	return Team{}, false
}

// teamByID finds a team by the league's number.
func teamByID(id int) (Team, bool) {
	for i := range teams {
		if teams[i].ID == id {
			return teams[i], true
		}
	}
	return Team{}, false
}

// teams is never written to.
var teams = [30]Team{
	{1610612737, "ATL", "ATL", "Atlanta", "Hawks", "hawks", "East", "Southeast", "#C8102E", "#FDB927", "America/New_York", "State Farm Arena", "Atlanta", "GA"},
	{1610612738, "BOS", "BOS", "Boston", "Celtics", "celtics", "East", "Atlantic", "#008348", "#FFFFFF", "America/New_York", "TD Garden", "Boston", "MA"},
	{1610612751, "BKN", "BKN", "Brooklyn", "Nets", "nets", "East", "Atlantic", "#000000", "#FFFFFF", "America/New_York", "Barclays Center", "Brooklyn", "NY"},
	{1610612766, "CHA", "CHA", "Charlotte", "Hornets", "hornets", "East", "Southeast", "#008CA8", "#1D1060", "America/New_York", "Spectrum Center", "Charlotte", "NC"},
	{1610612741, "CHI", "CHI", "Chicago", "Bulls", "bulls", "East", "Central", "#CE1141", "#000000", "America/Chicago", "United Center", "Chicago", "IL"},
	{1610612739, "CLE", "CLE", "Cleveland", "Cavaliers", "cavaliers", "East", "Central", "#860038", "#BC945C", "America/New_York", "Rocket Arena", "Cleveland", "OH"},
	{1610612742, "DAL", "DAL", "Dallas", "Mavericks", "mavericks", "West", "Southwest", "#0064B1", "#BBC4CA", "America/Chicago", "American Airlines Center", "Dallas", "TX"},
	{1610612743, "DEN", "DEN", "Denver", "Nuggets", "nuggets", "West", "Northwest", "#0E2240", "#FEC524", "America/Denver", "Ball Arena", "Denver", "CO"},
	{1610612765, "DET", "DET", "Detroit", "Pistons", "pistons", "East", "Central", "#1D428A", "#C8102E", "America/Detroit", "Little Caesars Arena", "Detroit", "MI"},
	{1610612744, "GSW", "GS", "Golden State", "Warriors", "warriors", "West", "Pacific", "#FDB927", "#1D428A", "America/Los_Angeles", "Chase Center", "San Francisco", "CA"},
	{1610612745, "HOU", "HOU", "Houston", "Rockets", "rockets", "West", "Southwest", "#CE1141", "#000000", "America/Chicago", "Toyota Center", "Houston", "TX"},
	{1610612754, "IND", "IND", "Indiana", "Pacers", "pacers", "East", "Central", "#0C2340", "#FFD520", "America/Indiana/Indianapolis", "Gainbridge Fieldhouse", "Indianapolis", "IN"},
	{1610612746, "LAC", "LAC", "LA", "Clippers", "clippers", "West", "Pacific", "#12173F", "#C8102E", "America/Los_Angeles", "Intuit Dome", "Inglewood", "CA"},
	{1610612747, "LAL", "LAL", "Los Angeles", "Lakers", "lakers", "West", "Pacific", "#552583", "#FDB927", "America/Los_Angeles", "Crypto.com Arena", "Los Angeles", "CA"},
	{1610612763, "MEM", "MEM", "Memphis", "Grizzlies", "grizzlies", "West", "Southwest", "#5D76A9", "#12173F", "America/Chicago", "FedExForum", "Memphis", "TN"},
	{1610612748, "MIA", "MIA", "Miami", "Heat", "heat", "East", "Southeast", "#98002E", "#000000", "America/New_York", "Kaseya Center", "Miami", "FL"},
	{1610612749, "MIL", "MIL", "Milwaukee", "Bucks", "bucks", "East", "Central", "#00471B", "#EEE1C6", "America/Chicago", "Fiserv Forum", "Milwaukee", "WI"},
	{1610612750, "MIN", "MIN", "Minnesota", "Timberwolves", "timberwolves", "West", "Northwest", "#266092", "#79BC43", "America/Chicago", "Target Center", "Minneapolis", "MN"},
	{1610612740, "NOP", "NO", "New Orleans", "Pelicans", "pelicans", "West", "Southwest", "#0A2240", "#B4975A", "America/Chicago", "Smoothie King Center", "New Orleans", "LA"},
	{1610612752, "NYK", "NY", "New York", "Knicks", "knicks", "East", "Atlantic", "#1D428A", "#F58426", "America/New_York", "Madison Square Garden", "New York", "NY"},
	{1610612760, "OKC", "OKC", "Oklahoma City", "Thunder", "thunder", "West", "Northwest", "#007AC1", "#EF3B24", "America/Chicago", "Paycom Center", "Oklahoma City", "OK"},
	{1610612753, "ORL", "ORL", "Orlando", "Magic", "magic", "East", "Southeast", "#0150B5", "#9CA0A3", "America/New_York", "Kia Center", "Orlando", "FL"},
	{1610612755, "PHI", "PHI", "Philadelphia", "76ers", "sixers", "East", "Atlantic", "#1D428A", "#E01234", "America/New_York", "Xfinity Mobile Arena", "Philadelphia", "PA"},
	{1610612756, "PHX", "PHX", "Phoenix", "Suns", "suns", "West", "Pacific", "#29127A", "#E56020", "America/Phoenix", "Mortgage Matchup Center", "Phoenix", "AZ"},
	{1610612757, "POR", "POR", "Portland", "Trail Blazers", "blazers", "West", "Northwest", "#E03A3E", "#000000", "America/Los_Angeles", "Moda Center", "Portland", "OR"},
	{1610612758, "SAC", "SAC", "Sacramento", "Kings", "kings", "West", "Pacific", "#5A2D81", "#6A7A82", "America/Los_Angeles", "Golden 1 Center", "Sacramento", "CA"},
	{1610612759, "SAS", "SA", "San Antonio", "Spurs", "spurs", "West", "Southwest", "#000000", "#C4CED4", "America/Chicago", "Frost Bank Center", "San Antonio", "TX"},
	{1610612761, "TOR", "TOR", "Toronto", "Raptors", "raptors", "East", "Atlantic", "#D91244", "#000000", "America/Toronto", "Scotiabank Arena", "Toronto", "ON"},
	{1610612762, "UTA", "UTAH", "Utah", "Jazz", "jazz", "West", "Northwest", "#4E008E", "#79A3DC", "America/Denver", "Delta Center", "Salt Lake City", "UT"},
	{1610612764, "WAS", "WSH", "Washington", "Wizards", "wizards", "East", "Southeast", "#E31837", "#002B5C", "America/New_York", "Capital One Arena", "Washington", "DC"},
}
