// What people do with Tipoff, from the first visit to the last.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { heading, importTeam, launch, signIn, visitor } from './browser.mjs';
import { Site } from './site.mjs';
import { projects, tasks } from './states.mjs';

let browser, site;
before(async () => {
  browser = await launch();
});
// Each test has a Todoist of its own.
const story = (name, run) => test(name, async () => {
  site = await Site.start();
  try {
    await run();
  } finally {
    await site.stop();
  }
});
after(() => browser.close());

const go = (page) => page.locator('#go').click();
const choose = (page, account) => page.getByRole('radio', { name: account }).check();

story('from the landing page to an imported season it takes three clicks', async () => {
  const page = await visitor(browser, site);
  await page.goto(site.url);
  await page.getByRole('button', { name: 'Boston Celtics' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  assert.equal(await page.locator('#plan-line').innerText(), '65 games will be added to a new project, “Boston Celtics 2026-27”.');
  await page.getByRole('button', { name: 'Add 65 games to Todoist' }).click();

  await page.getByRole('heading', { name: '65 games are on your list' }).waitFor();
  await page.waitForFunction(() => document.activeElement.id === 'outcome'); // it is read out
  const [project] = await projects(site, 'demo-free');
  assert.match(new URL(page.url()).pathname + new URL(page.url()).search, /^\/projects\/[A-Z0-9]+$/);
  assert.equal((await tasks(site, project.id, 'demo-free')).length, 65);

  await page.reload();
  assert.equal(await page.getByText('65 games are on your list').count(), 0, 'it is said once');
  await page.getByRole('link', { name: 'Open in Todoist' }).click();
  assert.equal(await heading(page), 'Boston Celtics 2026-27');
  assert.equal(await page.locator('.task').count(), 65);

  await page.goto(site.url);
  await page.getByRole('heading', { name: 'Add another team' }).waitFor();
  await page.getByRole('link', { name: 'Boston Celtics', exact: true }).click();
  await page.getByRole('heading', { name: 'Nothing to do' }).waitFor();
  await page.getByRole('link', { name: 'Open in Todoist' }).click();
  assert.equal(await heading(page), 'Boston Celtics 2026-27');
  await page.done();
});

story('a team is found by its city, its name, what fans call it and its code', async () => {
  const page = await visitor(browser, site);
  await page.goto(site.url);
  for (const [typed, team] of [['denver', 'Denver Nuggets'], ['celt', 'Boston Celtics'], ['sixers', 'Philadelphia 76ers'], ['nyk', 'New York Knicks'],
    ['lak', 'Los Angeles Lakers'], ['philly', 'Philadelphia 76ers'], ['clips', 'LA Clippers'], ['nola', 'New Orleans Pelicans']]) {
    await page.getByLabel('Find a team').fill(typed);
    assert.deepEqual(await page.locator('.card-main:visible').allInnerTexts().then((all) => all.map((text) => text.replace(/\s+/g, ' '))), [team]);
  }
  await page.getByText('1 team found').waitFor({ state: 'attached' });
  await page.getByLabel('Find a team').press('Enter');
  await page.getByRole('heading', { name: 'Let Tipoff use this Todoist?' }).waitFor();
  await page.done();
});

story('who says no at Todoist is told so, and the team stays chosen', async () => {
  const page = await visitor(browser, site);
  await page.goto(`${site.url}/teams/lal`);
  await page.getByRole('button', { name: /^Add \d+ games? to Todoist$/ }).click();
  await page.getByRole('button', { name: 'Deny' }).click();
  await page.getByText('Access wasn’t granted. Nothing changed.').waitFor();
  await page.getByText('You picked the Los Angeles Lakers').waitFor();
  await page.getByRole('button', { name: 'Continue with Todoist' }).click();
  await choose(page, 'Priya Pro');
  await page.getByRole('button', { name: 'Allow' }).click();
  assert.match(await heading(page), /^Los Angeles Lakers/i);
  await page.done();
});

story('a filter of the season page goes along into the import', async () => {
  const page = await visitor(browser, site);
  await page.goto(`${site.url}/teams/bos`);
  await page.getByText('Filter').click();
  await page.getByRole('radio', { name: 'Home', exact: true }).check();
  await page.getByText('40 of 80 games').waitFor();
  assert.match(page.url(), /venue=home/);
  await page.getByRole('button', { name: /^Add \d+ games? to Todoist$/ }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('heading', { name: 'What will happen' }).waitFor();
  assert.equal(await page.locator('.row.add').count(), 33, 'the home games still to come');
  await page.done();
});

story('options apply as they are chosen, the address is the plan, and games can be left out', async () => {
  const page = await visitor(browser, site);
  await signIn(page, site);
  await page.goto(`${site.url}/import?team=BOS`);
  await page.locator('summary', { hasText: 'Tasks' }).click();
  await page.getByRole('radio', { name: 'BOS @ NYK' }).check();
  await page.getByText('BOS @ SAC').first().waitFor();
  await page.getByLabel('Time zone').selectOption('team');
  await page.getByText('Times: New York time').waitFor();
  await page.locator('.group-name', { hasText: 'Games' }).click();
  await page.getByText('More teams in this import').click();
  await page.getByRole('group', { name: 'Teams' }).getByRole('checkbox', { name: 'Los Angeles Lakers' }).check();
  await page.getByText('The teams’ zones differ').first().waitFor();
  await page.locator('summary', { hasText: 'Project' }).click();
  await page.getByLabel('Put the tasks into').selectOption('each');
  await page.locator('#plan-line', { hasText: '129 games will be added to 2 new projects' }).waitFor();
  await page.getByRole('checkbox', { name: /Add BOS @ SAC/ }).uncheck();
  await page.getByRole('button', { name: 'Add 128 games to Todoist' }).waitFor();

  const other = await visitor(browser, site, { storageState: await page.context().storageState() });
  await other.goto(page.url());
  await other.getByRole('button', { name: 'Add 128 games to Todoist' }).waitFor();
  await other.done();

  await go(page);
  await page.getByText('128 added').waitFor();
  assert.equal(new URL(page.url()).search, '');
  const made = await projects(site);
  assert.deepEqual(made.map(({ name }) => name), ['Boston Celtics 2026-27', 'Los Angeles Lakers 2026-27']);
  const zones = new Set();
  for (const { id } of made) for (const task of await tasks(site, id)) zones.add(task.due.timezone);
  assert.deepEqual([...zones].filter(Boolean).sort(), ['America/Los_Angeles', 'America/New_York']);
  await page.done();
});

story('what does not fit is said, with what does, and what is left out makes room', async () => {
  const page = await visitor(browser, site);
  await signIn(page, site, 'demo-free');
  await page.goto(`${site.url}/import?target=each&venue=home&${['BOS', 'LAL', 'DEN', 'MIA', 'DAL', 'NYK'].map((code) => `team=${code}`).join('&')}`);
  await page.getByRole('heading', { name: 'This can’t be imported as it is' }).waitFor();
  await page.getByText('no room for 6 new ones').waitFor();
  await page.getByRole('link', { name: 'All in one new project' }).click();
  await page.getByRole('heading', { name: 'What will happen' }).waitFor();
  await go(page);
  await page.getByText('games are on your list').waitFor();
  assert.equal((await projects(site, 'demo-free')).length, 1);

  await page.goto(`${site.url}/import?${['BOS', 'LAL', 'DEN', 'MIA', 'DAL'].map((code) => `team=${code}`).join('&')}`);
  await page.getByRole('heading', { name: 'This can’t be imported as it is' }).waitFor();
  const over = (await page.locator('.row.add').count()) - 300;
  for (let i = 0; i < over; i++) await page.locator('input[name=include]').nth(i).uncheck();
  await page.getByRole('button', { name: 'Add 300 games to Todoist' }).waitFor();
  await page.waitForFunction(() => document.activeElement.name === 'include'); // where it was
  assert.equal(new URL(page.url()).searchParams.getAll('skip').length, over);
  await page.done();
});

story('taking an import back asks for the right to delete only then, and comes back', async () => {
  const page = await visitor(browser, site);
  await page.goto(`${site.url}/import?team=DEN`);
  await page.getByRole('button', { name: 'Continue with Todoist' }).click();
  assert.equal(await page.getByText('Delete').count(), 0, 'signing in does not ask for it');
  await page.getByRole('button', { name: 'Allow' }).click();
  await go(page);
  await page.getByText('games are on your list').waitFor();
  await page.getByRole('link', { name: 'Undo import' }).click();
  const asked = page.url();
  await page.getByText('Todoist first asks you to approve deleting').waitFor();

  await page.getByRole('button', { name: 'Remove the project' }).click();
  await page.getByText('Delete projects').waitFor();
  await page.getByRole('button', { name: 'Deny' }).click();
  await page.getByText('Nothing was removed').waitFor();
  assert.equal(page.url(), asked);
  assert.equal((await projects(site, 'demo-free')).length, 1);

  await page.getByRole('button', { name: 'Remove the project' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  assert.equal(page.url(), asked);
  assert.equal(await page.getByText('Todoist asks you first').count(), 0);
  await page.getByRole('button', { name: 'Remove the project' }).click();
  await page.getByText('“Denver Nuggets 2026-27” is gone').waitFor();
  await page.getByText('Nothing here yet').waitFor();
  assert.deepEqual(await projects(site, 'demo-free'), []);
  await page.done();
});

story('the league moves a game, and its task and the open page follow by themselves', async () => {
  const page = await visitor(browser, site);
  await page.goto(`${site.url}/import?team=PHX`);
  await page.getByRole('button', { name: 'Continue with Todoist' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  assert.ok(await page.getByRole('checkbox', { name: 'Keeps itself up to date' }).isChecked());
  await go(page);
  await page.getByText('games are on your list').waitFor();
  const open = await page.context().newPage();
  await open.goto(page.url());
  await page.getByRole('link', { name: 'Move a game, and watch its task follow' }).click();
  const team = page.getByRole('region', { name: 'Phoenix Suns' });
  const task = team.locator('.state').first();
  const before = await task.innerText();
  await team.getByRole('button', { name: /^Move to the next day/ }).first().click();
  await page.waitForFunction((old) => {
    const now = document.querySelector('.state.good')?.innerText;
    return now && now !== old;
  }, before);
  await open.bringToFront();
  await open.getByText('moved from').waitFor();

  await open.getByRole('button', { name: 'Switch updates off' }).click();
  await open.getByText('It changes when you press the button').waitFor();
  await open.close();
  await page.done();
});

story('who has signed out has tasks that follow all the same', async () => {
  const away = await visitor(browser, site);
  await away.goto(`${site.url}/import?team=DEN`);
  await away.getByRole('button', { name: 'Continue with Todoist' }).click();
  await away.getByRole('button', { name: 'Allow' }).click();
  await go(away);
  await away.getByText('games are on your list').waitFor();
  await away.locator('summary', { hasText: 'your account' }).click();
  await away.getByRole('button', { name: 'Sign out', exact: true }).click();
  await away.getByText('One project goes on').waitFor();
  const [project] = await projects(site, 'demo-free');
  const dates = async () => (await tasks(site, project.id, 'demo-free')).map(({ due }) => due?.date).join(' ');
  const before = await dates();

  const page = await visitor(browser, site);
  await signIn(page, site);
  await importTeam(page, site, 'team=DEN');
  await page.goto(`${site.url}/demo/league`);
  await page.getByRole('button', { name: /^Move to the next day/ }).first().click();
  while ((await dates()) === before) await page.waitForTimeout(200);
  await page.done();
  await away.done();
});

story('whoever wants to be forgotten is', async () => {
  const page = await visitor(browser, site);
  await signIn(page, site);
  await importTeam(page, site, 'team=UTA&from=2027-04-01');
  await page.goto(`${site.url}/account`);
  await page.locator('summary', { hasText: 'Forget me' }).click();
  await page.getByRole('button', { name: 'Yes, forget me' }).click();
  await page.getByRole('heading', { name: 'Tipoff has forgotten you' }).waitFor();
  await page.goto(`${site.url}/projects`);
  assert.match(page.url(), /\/sign-in/);
  assert.ok((await projects(site, 'demo-pro')).some(({ name }) => name.startsWith('Utah Jazz')), 'the tasks stay');
  await page.done();
});

story('signing out ends it, here and elsewhere', async () => {
  const here = await visitor(browser, site);
  const there = await visitor(browser, site);
  await signIn(here, site);
  await signIn(there, site);
  await here.goto(`${site.url}/account`);
  assert.equal(await here.getByRole('listitem').filter({ hasText: 'Chrome on Linux' }).count(), 2);
  await here.getByRole('button', { name: /^End/ }).click();
  await here.getByRole('button', { name: 'Sign out here' }).waitFor();
  await there.goto(`${site.url}/projects`);
  assert.match(there.url(), /\/sign-in\?next=%2Fprojects$/);

  await here.locator('summary', { hasText: 'your account' }).click();
  await here.getByRole('button', { name: 'Sign out', exact: true }).click();
  await here.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await here.goto(`${site.url}/projects`);
  assert.match(here.url(), /\/sign-in/);
  await here.done();
  await there.done();
});

story('a session that ends while a page is open loses nothing but the click', async () => {
  const page = await visitor(browser, site);
  await signIn(page, site);
  await page.goto(`${site.url}/import?team=BOS&venue=home`);
  await page.context().clearCookies();
  await go(page);
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await page.getByText('You picked the Boston Celtics').waitFor();
  await page.getByRole('button', { name: 'Continue with Todoist' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('button', { name: 'Add 33 games to Todoist' }).waitFor();

  await page.context().clearCookies();
  await page.locator('.group-name', { hasText: 'Games' }).click();
  await page.getByRole('radio', { name: 'Away', exact: true }).check();
  await page.waitForURL(/\/sign-in\?next=.*venue%3Daway/);
  await page.done();
});

story('two tabs may sign in at once', async () => {
  const first = await visitor(browser, site);
  const second = await first.context().newPage();
  await first.goto(`${site.url}/import?team=BOS`);
  await second.goto(`${site.url}/import?team=LAL`);
  await first.getByRole('button', { name: 'Continue with Todoist' }).click();
  await second.getByRole('button', { name: 'Continue with Todoist' }).click();
  await second.getByRole('button', { name: 'Allow' }).click();
  assert.match(await heading(second), /^Los Angeles Lakers/i);
  await first.getByRole('button', { name: 'Allow' }).click();
  assert.match(await heading(first), /^Boston Celtics/i);
  await first.done();
});

story('somebody who finds pages by their address is told what is wrong', async () => {
  const page = await visitor(browser, site);
  for (const [path, status, words] of [
    ['/teams/xyz', 404, 'Team not found'],
    ['/no/such/page', 404, 'Page not found'],
    ['/oauth/callback?code=x&state=y', 400, 'This sign-in didn’t start here'],
  ]) {
    const answer = await page.goto(site.url + path);
    assert.equal(answer.status(), status);
    assert.match(await heading(page), new RegExp(words, 'i'));
  }
  await signIn(page, site);
  for (const [path, status, words] of [
    ['/import?team=BOS&venue=moon', 422, 'One thing needs another look'],
    ['/projects/nosuchproject', 404, 'No games from Tipoff here'],
    ['/no/such/page', 404, 'Priya Pro'],
  ]) {
    const answer = await page.goto(site.url + path);
    assert.equal(answer.status(), status);
    await page.getByText(words).first().waitFor();
  }
  await page.done();
});
