// The whole way with a keyboard alone. Each step presses Tab until it is where it
// wants to be, as somebody would, and each place on the way has to show that it
// has the focus.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launch, visitor } from './browser.mjs';
import { Site } from './site.mjs';
import { projects } from './states.mjs';

// focused tells what has the focus and whether one sees it.
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const label = element.labels?.[0]?.innerText ?? '';
  // The outline may be on what stands for a field or holds a link.
  const shown = [element, element.nextElementSibling, element.closest('.card'), element.closest('.check')].filter(Boolean).some((place) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(place);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  });
  const box = element.getBoundingClientRect();
  return {
    tag: element.tagName.toLowerCase(),
    name: (element.innerText || label || element.value || '').replace(/\s+/g, ' ').trim(),
    shown,
    inView: box.bottom > 0 && box.top < innerHeight,
  };
});

async function tabTo(page, name) {
  const seen = [];
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    if (at.tag === 'body') continue;
    seen.push(`${at.tag} “${at.name}”`);
    assert.ok(at.shown, `one does not see that ${seen.at(-1)} has the focus`);
    assert.ok(at.inView, `${seen.at(-1)} has the focus out of view`);
    if (typeof name === 'string' ? at.name === name : name.test(at.name)) return;
  }
  assert.fail(`Tab does not lead to ${name}, only to ${seen.join(', ')}`);
}

test('a keyboard is enough', async () => {
  const browser = await launch();
  const site = await Site.start();
  try {
    // Without motion a page is where it goes to at once.
    const page = await visitor(browser, site, { reducedMotion: 'reduce' });
    const press = (key) => page.keyboard.press(key);
    const follow = async (words) => {
      await press('Enter');
      await page.getByRole('heading', { name: words, exact: true }).waitFor();
    };
    await page.goto(site.url);
    await tabTo(page, 'Skip to the content');
    await press('Enter');
    await tabTo(page, 'Pick your team');
    await press('Enter');
    await tabTo(page, /^Find a team/);
    await page.keyboard.type('celtics');
    await follow('Let Tipoff use this Todoist?');
    await tabTo(page, /^Frankie Free/);
    await press('ArrowDown');
    assert.match((await focused(page)).name, /^Priya Pro/);
    await tabTo(page, 'Allow');
    await follow('What will happen');
    await tabTo(page, /^Games/);
    await press('Enter');
    await tabTo(page, 'Still to come');
    await tabTo(page, 'Home and away');
    await press('ArrowRight');
    await page.getByRole('button', { name: 'Add 33 games to Todoist' }).waitFor();
    assert.equal((await focused(page)).name, 'Home', 'the focus stays where it was');
    await tabTo(page, /^Add .+ (at|vs) /);
    await press('Space');
    await page.getByRole('button', { name: 'Add 32 games to Todoist' }).waitFor();
    await page.goto(page.url()); // from the top again, as the address has it all
    await tabTo(page, 'Add 32 games to Todoist');
    await follow('32 games are on your list');
    await tabTo(page, 'See them in Todoist');
    await follow('Boston Celtics 2026-27');
    await tabTo(page, 'Back to Tipoff');
    await follow('Add another team');
    await tabTo(page, 'Your projects');
    await follow('Your projects');
    await tabTo(page, 'Boston Celtics 2026-27');
    await follow('Games to come');
    await tabTo(page, 'Undo import');
    await follow('Undo this import?');
    await tabTo(page, 'Remove the project');
    await follow('Let Tipoff use this Todoist?');
    await tabTo(page, /^Frankie Free/);
    await press('ArrowDown');
    await tabTo(page, 'Allow');
    await follow('Undo this import?');
    await tabTo(page, 'Remove the project');
    await press('Enter');
    await page.getByText('is gone').waitFor();
    assert.deepEqual(await projects(site), []);

    await page.goto(`${site.url}/teams/bos`);
    await tabTo(page, /^Filter/);
    await press('Enter');
    await tabTo(page, 'Whole season');
    await press('ArrowRight');
    await page.getByText('65 of 80 games').waitFor();
    await tabTo(page, /Celtics at Kings, away, 04:00/);
    await press('Enter');
    assert.match((await focused(page)).name, /Celtics at Kings/, 'a day of the calendar leads to its game in the list');
    await tabTo(page, 'Calendar file');

    await page.goto(site.url);
    await tabTo(page, /your account$/);
    await press('Enter');
    await tabTo(page, 'Sign out');
    await press('Enter');
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.done();
  } finally {
    await browser.close();
    await site.stop();
  }
});
