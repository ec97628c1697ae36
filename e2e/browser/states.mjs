// Leads a page through every state that Tipoff's pages have, for tests that look
// at each and for the screenshots. Both functions are generators: they yield a
// state's name once the page is in it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { importTeam, projectPage, signIn } from './browser.mjs';
import * as league from './season.mjs';
import { writes } from './site.mjs';

// todoist asks the in-memory Todoist's API as its owner would another program.
export async function todoist(site, path, token = 'demo-pro') {
  const answer = await fetch(`${(site.todoist ?? site).url}/api/v1/${path}`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200, path);
  return answer.json();
}

export async function projects(site, token) {
  return (await todoist(site, 'projects', token)).results.filter((project) => !project.inbox_project);
}

// tasks are a project's open tasks by date.
export async function tasks(site, project, token) {
  const all = [];
  let cursor = '';
  do {
    const page = await todoist(site, `tasks?limit=200&project_id=${project}${cursor && `&cursor=${cursor}`}`, token);
    all.push(...page.results);
    cursor = page.next_cursor;
  } while (cursor);
  return all.sort((a, b) => (a.due?.date ?? '').localeCompare(b.due?.date ?? ''));
}

// edit does with a task what its owner does in Todoist's app.
export async function edit(site, task, fields, account = '1000002') {
  const answer = await fetch(`${(site.todoist ?? site).url}/demo/todoist/${account}/tasks/${task.id}`, {
    method: 'POST', body: new URLSearchParams(fields), redirect: 'manual',
  });
  assert.equal(answer.status, 303);
}

const openAll = (page) => page.evaluate(() => {
  for (const details of document.querySelectorAll('main details')) details.open = true;
});

// A demo from the first look to the last.
export async function* visit(page, site) {
  const at = (path) => page.goto(site.url + path);
  await at('/');
  yield 'home';
  await page.getByLabel('Find a team').fill('new');
  yield 'home-found';
  await page.getByLabel('Find a team').fill('gotham');
  yield 'home-none';
  await at('/teams/bos');
  yield 'team';
  await at('/teams/lal?venue=home&tv=national&type=regular');
  yield 'team-filtered';
  await at('/teams/lal?from=2026-12-24&to=2026-12-24&venue=home&opponent=BOS');
  yield 'team-empty';
  await at('/teams/mem?venue=moon&from=2027-03-20');
  yield 'team-wrong';
  await at('/teams/xyz');
  yield 'error-404';
  await at('/sign-in');
  yield 'sign-in';
  await at('/import?team=LAL');
  yield 'sign-in-team';
  await page.getByRole('button', { name: 'Continue with Todoist' }).click();
  yield 'demo-consent';
  await page.getByRole('button', { name: 'Deny' }).click();
  yield 'sign-in-denied';
  await page.getByText('Use a personal API token instead').click();
  await page.getByLabel('Personal API token').fill('no-such-token');
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  await page.getByText('does not know this token').waitFor();
  yield 'sign-in-token-wrong';
  await at('/oauth/callback?code=x&state=y');
  yield 'error-sign-in';
  await signIn(page, site, 'demo-free');
  await at('/projects');
  yield 'projects-empty';
  await at('/import?team=BOS');
  yield 'import';
  await at('/import?team=BOS&from=2027-03-20');
  await openAll(page);
  yield 'import-open';
  await at('/import?team=BOS&team=LAL&team=NYK&target=each&timezone=team&title=emoji&from=2027-03-20&sections=month&labels=nba,watch-with-the-whole-family&priority=1');
  yield 'import-each';
  await at('/import?team=BOS&timezone=Mars&labels=' + 'x'.repeat(70) + '&from=2027-01-01&to=2026-01-01&venue=moon&target=NoSuchProject');
  yield 'import-wrong';
  await at('/import?team=BOS&from=2026-12-24&to=2026-12-24');
  yield 'import-nothing';
  await importTeam(page, site, 'team=BOS');
  yield 'project-done';
  await page.reload();
  yield 'project';
  const project = new URL(page.url()).pathname;
  await at('/import?team=BOS');
  yield 'import-in-step';
  await at('/import?team=BOS&games=all&sections=month&labels=nba&title=codes');
  yield 'import-new-options';
  await at(`${project}/remove`);
  yield 'remove';
  await importTeam(page, site, 'team=POR&name=' + encodeURIComponent('Trail Blazers and everything that I want to watch with the whole family this winter and in spring, from now until June'));
  yield 'project-long-name';
  for (const team of ['SAS', 'GSW', 'UTA']) await importTeam(page, site, `team=${team}&from=2027-04-01`);
  await at('/import?team=MIA');
  yield 'import-stopped';
  await at('/projects');
  yield 'projects';
  await at('/');
  await page.locator('summary', { hasText: 'your account' }).click();
  yield 'home-signed-in';
  await at('/account');
  yield 'account';
  await at('/demo/league');
  yield 'demo-league';
  await at('/signed-out?updating=2');
  yield 'signed-out';
  await at('/no/such/page');
  yield 'error-404-signed-in';
  await at('/demo/todoist/');
  yield 'demo-accounts';
  await at('/demo/todoist/1000001');
  yield 'demo-projects';
  await at(`/demo/todoist/1000001/projects/${(await projects(site, 'demo-free'))[0].id}`);
  yield 'demo-project';
}

// What happens when the league changes games, their owner edits tasks, and
// Todoist has trouble. The site is one beside a relay.
export async function* trouble(page, site) {
  const at = (path) => page.goto(site.url + path);
  const games = league.season();
  const feed = join(site.folder, 'feed.json');
  const own = league.of(games, 'BOS').filter(({ day }) => day > '2026-11-20');
  own[6].time = null;
  league.write(feed, games);
  site.args[site.args.indexOf('-schedule-url') + 1] = feed;
  await site.restart();
  await signIn(page, site);
  await at('/import?team=BOS');

  // Todoist takes its time: the import is under way, here and on another page.
  let goOn;
  const pause = new Promise((resolve) => { goOn = resolve; });
  site.relay.rules.push((request) => (writes(request) ? { wait: pause } : undefined));
  await page.locator('#go').click();
  await page.getByText('Writing to Todoist').waitFor();
  yield 'import-running';
  await at('/import?team=BOS');
  yield 'import-follow';
  await at('/import?team=LAL');
  yield 'import-other-runs';
  site.relay.rules.length = 0;
  goOn();
  const plan = () => page.evaluate(async () => (await fetch('/import?team=BOS')).text());
  while (!(await plan()).includes('Nothing to do'));
  const [{ id, name }] = await projects(site);
  const project = await projectPage(page, site, name);

  // The league moves, postpones and adds; the owner edits, completes and deletes.
  const list = await tasks(site, id);
  await edit(site, list[1], { action: 'edit', content: 'Mavericks night with Sam!', date: '2026-11-28', time: '20:00' });
  await edit(site, list[2], { action: 'complete' });
  own[1].time = '20:00';
  own[3].time = '15:30';
  own[3].tv = ['ABC'];
  own[4].day = '2026-12-06';
  own[6].time = '19:00';
  own[8].postponed = true;
  games.push({ ...own[9], id: '0022699999', day: '2027-04-10', away: own[9].home, home: own[9].away, label: 'NBA Cup' });
  league.write(feed, games);
  await site.restart();
  await at('/import?team=BOS');
  yield 'import-all-kinds';
  await at(project);
  yield 'project-waiting';
  await at('/projects');
  yield 'projects-waiting';

  // Nothing is written, and Todoist says when to come back.
  site.relay.rules.push((request) => (writes(request) ? { status: 429, header: { 'Retry-After': '90' }, body: { error_extra: { retry_after: 90 } } } : undefined));
  await at('/import?team=BOS');
  await page.locator('#go').click();
  await page.locator('#run-fault:not([hidden])').waitFor();
  yield 'import-failed';
  site.relay.rules.length = 0;
  site.relay.rules.push((request) => (request.path.startsWith('/api/') ? { status: 503 } : undefined));
  await at('/import?team=BOS');
  yield 'error-todoist';
  site.relay.rules.length = 0;
  await at(project);
  await page.locator('#go').click();
  await page.waitForURL(`**${project}?**`).catch(() => {});
  await page.getByText('brought up to date').first().waitFor();
  yield 'project-updated';
  await at(`${project}/remove`);
  yield 'remove-completed';
  await page.locator('main button').click();
  await page.waitForURL('**/projects');
  yield 'projects-removed';
}
