// A made-up season in the shape of the league's feed, for tests that change it.

import { writeFileSync } from 'node:fs';

const teams = [
  [1610612737, 'ATL', 'Atlanta', 'Hawks'],
  [1610612738, 'BOS', 'Boston', 'Celtics'],
  [1610612751, 'BKN', 'Brooklyn', 'Nets'],
  [1610612766, 'CHA', 'Charlotte', 'Hornets'],
  [1610612741, 'CHI', 'Chicago', 'Bulls'],
  [1610612739, 'CLE', 'Cleveland', 'Cavaliers'],
  [1610612742, 'DAL', 'Dallas', 'Mavericks'],
  [1610612743, 'DEN', 'Denver', 'Nuggets'],
  [1610612765, 'DET', 'Detroit', 'Pistons'],
  [1610612744, 'GSW', 'Golden State', 'Warriors'],
  [1610612745, 'HOU', 'Houston', 'Rockets'],
  [1610612754, 'IND', 'Indiana', 'Pacers'],
  [1610612746, 'LAC', 'LA', 'Clippers'],
  [1610612747, 'LAL', 'Los Angeles', 'Lakers'],
  [1610612763, 'MEM', 'Memphis', 'Grizzlies'],
  [1610612748, 'MIA', 'Miami', 'Heat'],
  [1610612749, 'MIL', 'Milwaukee', 'Bucks'],
  [1610612750, 'MIN', 'Minnesota', 'Timberwolves'],
  [1610612740, 'NOP', 'New Orleans', 'Pelicans'],
  [1610612752, 'NYK', 'New York', 'Knicks'],
  [1610612760, 'OKC', 'Oklahoma City', 'Thunder'],
  [1610612753, 'ORL', 'Orlando', 'Magic'],
  [1610612755, 'PHI', 'Philadelphia', '76ers'],
  [1610612756, 'PHX', 'Phoenix', 'Suns'],
  [1610612757, 'POR', 'Portland', 'Trail Blazers'],
  [1610612758, 'SAC', 'Sacramento', 'Kings'],
  [1610612759, 'SAS', 'San Antonio', 'Spurs'],
  [1610612761, 'TOR', 'Toronto', 'Raptors'],
  [1610612762, 'UTA', 'Utah', 'Jazz'],
  [1610612764, 'WAS', 'Washington', 'Wizards'],
];

// season returns games between all teams, each team once every three days. Who
// plays whom when is always the same.
export function season() {
  const games = [];
  const ring = teams.map((_, i) => i).slice(1);
  for (let round = 0; round < 58; round++) {
    const day = new Date(Date.UTC(2026, 9, 20 + 3 * round)).toISOString().slice(0, 10);
    const order = [0, ...ring];
    for (let i = 0; i < 15; i++) {
      const pair = [order[i], order[29 - i]];
      if (round % 2) pair.reverse();
      const [away, home] = pair.map((n) => teams[n]);
      games.push({ id: `00226${String(games.length + 1).padStart(5, '0')}`, day, time: '19:30', away, home, tv: [], arena: `${home[3]} Hall` });
    }
    ring.unshift(ring.pop());
  }
  return games;
}

// of picks the games of a team, in order.
export const of = (games, code) => games.filter(({ away, home }) => away[1] === code || home[1] === code);

// eastern is the instant of an Eastern clock. The season is played in winter but
// for its first days and its last month.
function eastern(day, time) {
  const summer = day < '2026-11-01' || day >= '2027-03-14';
  return new Date(`${day}T${time}:00${summer ? '-04:00' : '-05:00'}`).toISOString().slice(0, 19) + 'Z';
}

export function write(path, games) {
  const side = ([teamId, teamTricode, teamCity, teamName]) => ({ teamId, teamTricode, teamCity, teamName });
  const days = games.reduce((all, game) => all.set(game.day, [...(all.get(game.day) ?? []), game]), new Map());
  const gameDates = [...days.keys()].sort().map((day) => ({
    gameDate: `${day.slice(5, 7)}/${day.slice(8)}/${day.slice(0, 4)} 00:00:00`,
    games: days.get(day).map((game) => {
      const clock = `${game.day}T${game.time ?? '00:00'}:00Z`;
      return {
        gameId: game.id, gameStatus: 1, gameStatusText: game.postponed ? 'PPD' : game.time ? 'on' : 'TBD', postponedStatus: game.postponed ? 'Y' : 'N',
        gameDateEst: `${game.day}T00:00:00Z`, gameTimeEst: game.time ? `1900-01-01T${game.time}:00Z` : '0001-01-01T00:00:00Z',
        gameDateTimeEst: clock, homeTeamTime: clock, gameDateTimeUTC: eastern(game.day, game.time ?? '00:00'),
        gameLabel: game.label ?? '', gameSubLabel: '', gameSubtype: game.label ? 'in-season' : '', seriesGameNumber: '', ifNecessary: 'false',
        arenaName: game.arena, arenaCity: game.home[2], arenaState: '', homeTeam: side(game.home), awayTeam: side(game.away),
        broadcasters: { nationalBroadcasters: game.tv.map((name) => ({ broadcasterScope: 'natl', broadcasterMedia: 'tv', broadcasterDisplay: name })) },
      };
    }),
  }));
  writeFileSync(path, JSON.stringify({ meta: { version: 1, time: '2026-11-20T12:00:00Z' }, leagueSchedule: { seasonYear: '2026-27', leagueId: '00', gameDates } }));
}
