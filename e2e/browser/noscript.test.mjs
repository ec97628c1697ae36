// All of it in a browser that runs no scripts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heading, launch, projectPage, visitor } from './browser.mjs';
import { Site } from './site.mjs';
import { projects, tasks } from './states.mjs';

test('without scripts everything works but the live progress', async () => {
  const browser = await launch();
  const site = await Site.start();
  try {
    const page = await visitor(browser, site, { javaScriptEnabled: false });
    await page.goto(site.url);
    await page.getByText('Next games in New York time').waitFor();
    await page.getByLabel('Find a team').fill('trail');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('1 team found').waitFor();
    await page.getByRole('link', { name: 'Season of the Portland Trail Blazers' }).click();
    assert.match(await heading(page), /Trail Blazers/i);

    await page.locator('summary', { hasText: 'Filter' }).click();
    await page.getByRole('radio', { name: 'Home', exact: true }).check();
    await page.getByRole('button', { name: 'Show these games' }).click();
    await page.getByText('of 80 games').waitFor();
    await page.getByRole('button', { name: /^Add \d+ games? to Todoist$/ }).click();
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('You picked the Portland Trail Blazers').waitFor();
    await page.getByRole('button', { name: 'Continue with Todoist' }).click();
    await page.getByRole('radio', { name: 'Priya Pro' }).check();
    await page.getByRole('button', { name: 'Allow' }).click();

    // The account's zone, clock and order of day and month, without a script.
    await page.getByText('Times: Berlin time').waitFor();
    assert.match(await page.locator('.row.add time').first().textContent(), /^[A-Z][a-z]{2} \d+ [A-Z][a-z]{2}, \d\d:\d\d$/);
    const all = await page.locator('.row.add').count();
    await page.locator('input[name=include]').nth(1).uncheck();
    await page.getByRole('button', { name: 'Update the preview' }).last().click();
    await page.getByRole('button', { name: `Add ${all - 1} games to Todoist` }).waitFor();
    assert.match(page.url(), /[?&]skip=/, 'the address is the plan');
    await page.locator('summary', { hasText: 'Tasks' }).click();
    await page.getByLabel('Labels').fill('nba, tv');
    await page.getByRole('button', { name: 'Update the preview' }).first().click();
    await page.getByText('labelled').waitFor();
    await page.locator('input[name=include]').first().uncheck();
    await page.locator('#go').click();

    await page.getByRole('heading', { name: `${all - 2} games are on your list` }).waitFor();
    assert.equal(new URL(page.url()).search, '', 'the counts are not in the address');
    await page.reload();
    assert.equal(await page.getByText('games are on your list').count(), 0, 'they are said once');
    const [project] = await projects(site);
    const made = await tasks(site, project.id);
    assert.equal(made.length, all - 2);
    assert.deepEqual(made[0].labels.toSorted(), ['nba', 'tv']);

    await page.goto(`${site.url}/import?team=POR&timezone=Mars`);
    await page.getByText('One thing needs another look').waitFor();
    await page.getByRole('link', { name: /“Mars”/ }).click();

    await page.goto(site.url + (await projectPage(page, site, project.name)));
    await page.getByRole('link', { name: 'Undo import' }).click();
    await page.getByRole('button', { name: 'Remove the project' }).click();
    await page.getByRole('radio', { name: 'Priya Pro' }).check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('button', { name: 'Remove the project' }).click();
    await page.getByText('is gone').waitFor();
    await page.locator('summary', { hasText: 'your account' }).click();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.done();
  } finally {
    await browser.close();
    await site.stop();
  }
});
