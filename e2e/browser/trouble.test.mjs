// Imports that do not go as planned, and seasons that do not stay as they were.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { importTeam, launch, signIn, visitor } from './browser.mjs';
import * as league from './season.mjs';
import { Site, writes } from './site.mjs';
import { edit, projects, tasks } from './states.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const story = (name, run) => test(name, async () => {
  const site = await Site.beside();
  try {
    const page = await visitor(browser, site);
    await signIn(page, site);
    await run(site, page);
    await page.done();
  } finally {
    await site.stop();
  }
});

const fault = (page) => page.locator('#run-fault:not([hidden])');

story('an import shows how far it is, can be left, and is found again', async (site, page) => {
  const teams = ['BOS', 'LAL', 'NYK', 'DEN', 'MIA'];
  site.relay.rules.push((request) => (writes(request) ? { wait: 700 } : undefined));
  await page.goto(`${site.url}/import?${teams.map((team) => `team=${team}`).join('&')}&target=each`);
  await page.evaluate(() => {
    globalThis.said = [];
    new MutationObserver(() => globalThis.said.push(document.querySelector('#live').textContent)).observe(document.querySelector('#live'), { childList: true, subtree: true });
  });
  await page.locator('#go').click();
  await page.getByRole('heading', { name: 'Writing to Todoist' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'running-title');
  const value = () => page.locator('#progress').evaluate((bar) => bar.value);
  await page.waitForFunction(() => document.querySelector('#progress').value > 0);
  const first = await value();
  await page.waitForFunction((then) => document.querySelector('#progress').value > then, first);
  assert.match(await page.locator('#progress-text').innerText(), /\d+ of \d+ tasks/);
  const said = await page.evaluate(() => globalThis.said);
  assert.ok(said.length <= 4, `it is read out quarter by quarter, not ${said}`);

  // Leaving is no cancelling: another page finds it and ends where it ends.
  await page.goto(`${site.url}/projects`);
  await page.getByText('still running').waitFor();
  await page.goto(`${site.url}/import?${teams.map((team) => `team=${team}`).join('&')}&target=each`);
  await page.getByRole('heading', { name: 'Under way' }).waitFor();
  await page.waitForURL('**/projects**');
  await page.getByText('added').waitFor();
  const made = await projects(site);
  assert.deepEqual(made.map(({ name }) => name.split(' ').at(-2)).sort(), ['Celtics', 'Heat', 'Knicks', 'Lakers', 'Nuggets']);
  for (const { id } of made) {
    const titles = (await tasks(site, id)).map(({ content, due }) => `${content} ${due?.date}`);
    assert.ok(titles.length > 50);
    assert.equal(new Set(titles).size, titles.length, 'nothing is made twice');
  }
});

story('without scripts, too, an import that was left is found again', async (site, page) => {
  const plain = await visitor(browser, site, { javaScriptEnabled: false, storageState: await page.context().storageState() });
  site.relay.rules.push((request) => (writes(request) ? { wait: 2500 } : undefined));
  await plain.goto(`${site.url}/import?team=BOS`);
  await plain.locator('#go').click({ noWaitAfter: true });
  await page.waitForTimeout(500);
  await page.close();
  const later = await plain.context().newPage();
  await later.goto(`${site.url}/import?team=BOS`);
  await later.getByRole('heading', { name: 'Under way' }).waitFor();
  do await later.getByRole('link', { name: 'Look again' }).click();
  while (await later.getByRole('link', { name: 'Look again' }).count());
  await later.getByRole('heading', { name: 'Nothing to do' }).waitFor();
  await plain.done();
});

story('a connection lost on the way is mended by pressing again', async (site, page) => {
  let cut = 0;
  site.relay.rules.push((request) => {
    if (!writes(request) || cut++ > 3) return undefined;
    return { drop: true };
  });
  await page.goto(`${site.url}/import?team=BOS`);
  await page.locator('#go').click();
  await fault(page).or(page.getByText('games are on your list')).waitFor();
  if (await fault(page).count()) {
    site.relay.rules.length = 0;
    await page.locator('#go').click();
  }
  await page.getByText('are on your list').waitFor();
  const made = await projects(site);
  assert.equal(made.length, 1);
  assert.equal((await tasks(site, made[0].id)).length, 65);
});

story('when Todoist wants a pause, the page says how long and what is missing', async (site, page) => {
  await page.goto(`${site.url}/import?team=BOS&from=2026-12-01&to=2026-12-05`);
  site.relay.rules.push((request) => (writes(request) ? { status: 429, header: { 'Retry-After': '40' }, body: { error_extra: { retry_after: 40 } } } : undefined));
  await page.locator('#go').click();
  await fault(page).waitFor();
  assert.match(await fault(page).innerText(), /Todoist asks for a pause/);
  assert.match(await fault(page).innerText(), /Celtics vs Hornets, Thu 3 Dec/);
  assert.match(await page.locator('#go').innerText(), /Again in \d\d s/);
  assert.ok(await page.locator('#go').isDisabled());
});

story('when Todoist lets Tipoff in no more, one signs in again and goes on', async (site, page) => {
  await page.goto(`${site.url}/import?team=BOS&venue=home`);
  site.relay.rules.push((request) => (writes(request) ? { status: 401, body: { error_tag: 'UNAUTHORIZED', error_extra: { retry_after: 3 } } } : undefined));
  await page.locator('#go').click();
  await fault(page).waitFor();
  assert.match(await fault(page).innerText(), /^Nothing was written. Your sign-in has ended, or could not be looked up. Sign in again. Then press the button again. Only what is missing is added/);
  assert.doesNotMatch(await fault(page).innerText(), /second|minute/);
  assert.ok(await page.locator('#go').isEnabled(), 'there is nothing to wait for');
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await page.getByText('You picked the Boston Celtics').waitFor();
  site.relay.rules.length = 0;
  await page.getByLabel('Personal API token').fill('demo-pro');
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  await page.getByRole('button', { name: 'Add 33 games to Todoist' }).click();
  await page.getByText('33 games are on your list').waitFor();
});

story('a plan that changed meanwhile is shown and not run', async (site, page) => {
  const games = league.season();
  const feed = join(site.folder, 'feed.json');
  league.write(feed, games);
  site.args[site.args.indexOf('-schedule-url') + 1] = feed;
  await site.restart();
  await importTeam(page, site, 'team=BOS');
  const [project] = await projects(site);
  await page.goto(`${site.url}/import?team=BOS&labels=nba`);
  const [game] = league.of(games, 'BOS').filter(({ day }) => day > '2026-11-20');
  game.time = '15:30';
  league.write(feed, games);
  await site.restart();
  await page.locator('#go').click();
  await page.getByText('nothing was written yet').waitFor();
  assert.equal(new URL(page.url()).pathname, '/import', 'the address is the plan');
  assert.equal(new URL(page.url()).searchParams.get('labels'), 'nba');
  assert.equal((await tasks(site, project.id)).filter(({ labels }) => labels.length).length, 0);
  await page.locator('#go').click();
  await page.getByText('brought up to date').first().waitFor();
  assert.equal((await tasks(site, project.id)).filter(({ labels }) => !labels.length).length, 0);
});

story('what the league changes is shown, then written, and what their owner edited stays', async (site, page) => {
  const games = league.season();
  const feed = join(site.folder, 'feed.json');
  const change = async () => {
    league.write(feed, games);
    await site.restart();
  };
  const own = league.of(games, 'BOS').filter(({ day }) => day > '2026-11-20');
  site.args[site.args.indexOf('-schedule-url') + 1] = feed;
  await change();
  await importTeam(page, site, 'team=BOS');
  const [{ id }] = await projects(site);
  const before = await tasks(site, id);
  await edit(site, before[1], { action: 'edit', content: 'Night out with Sam', date: '2026-11-28', time: '20:00' });

  own[0].time = '15:30'; // moved, and untouched by its owner
  own[1].time = '15:30'; // moved, and edited by its owner
  own[2].postponed = true;
  await change();
  await page.goto(`${site.url}/projects`);
  await page.getByText('3 changes waiting').waitFor(); // the list does not read the tasks
  await page.getByRole('link', { name: 'Boston Celtics 2026-27', exact: true }).click();
  await page.getByText('Night out with Sam').first().waitFor();
  assert.deepEqual(await page.locator('.row.change ins').allInnerTexts(), ['Sun 22 Nov, 21:30']);
  await page.getByRole('button', { name: 'Update 2 tasks' }).click();
  await page.getByRole('heading', { name: '2 tasks brought up to date' }).waitFor();

  const now = new Map((await tasks(site, id)).map((task) => [task.id, task]));
  assert.equal(now.get(before[0].id).due.date, '2026-11-22T20:30:00Z');
  assert.equal(now.get(before[1].id).content, 'Night out with Sam');
  assert.equal(now.get(before[1].id).due.date, '2026-11-28T19:00:00Z');
  assert.match(now.get(before[2].id).content, /postponed/i);
  assert.equal(now.get(before[2].id).due, null);
  assert.equal(now.get(before[3].id).content, before[3].content);
  await page.goto(`${site.url}/projects`);
  await page.getByText('Up to date').waitFor();
});

story('when most games move at once, their owner looks first', async (site, page) => {
  const games = league.season();
  const feed = join(site.folder, 'feed.json');
  league.write(feed, games);
  site.args[site.args.indexOf('-schedule-url') + 1] = feed;
  site.args.push('-update-spread', '0');
  await site.restart();
  await page.goto(`${site.url}/import?team=BOS&to=2027-01-31`);
  await page.getByRole('checkbox', { name: 'Keeps itself up to date' }).check();
  await page.locator('#go').click();
  await page.getByText('are on your list').waitFor();
  for (const game of league.of(games, 'BOS').filter(({ day }) => day > '2026-11-20')) game.time = '15:30';
  league.write(feed, games);
  await site.restart();
  do await page.reload();
  while (!(await page.getByText('Look first').count()));
  const [project] = await projects(site);
  assert.ok((await tasks(site, project.id)).every(({ due }) => !due.date.endsWith('T20:30:00Z')), 'nothing is written yet');
  await page.locator('#go').click();
  await page.getByText('brought up to date').first().waitFor();
  assert.ok((await tasks(site, project.id)).every(({ due }) => due.date.endsWith('T20:30:00Z')), 'one press approves it');
  await page.reload();
  await page.getByText('It keeps itself up to date').waitFor();
});
