// Every page in every state, in light and dark, from a small phone to a desk:
// nothing that axe finds, and nothing wider than the window.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, launch, overflow, signIn, visitor } from './browser.mjs';
import { Site } from './site.mjs';
import { trouble, visit } from './states.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const widths = [320, 768, 1280];

async function lookAtAll(walk, site) {
  const page = await visitor(browser, site, { reducedMotion: 'reduce' });
  const faults = [];
  const check = async (what, how) => {
    try {
      await how();
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error;
      faults.push(what, ...(error.actual ?? [error.message]));
    }
  };
  let states = 0;
  for await (const name of walk(page, site)) {
    states++;
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      await check(`${name} at ${width}`, async () => assert.deepEqual([await overflow(page)].filter((by) => by > 0), [], 'too wide'));
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await check(`${name} at ${width} in ${colorScheme}`, () => axe(page));
      }
    }
    // Text twice as large, as a setting of the browser.
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
    await check(`${name} in large letters`, async () => assert.deepEqual([await overflow(page)].filter((by) => by > 0), [], 'too wide'));
    await page.evaluate(() => document.documentElement.style.removeProperty('font-size'));
  }
  assert.deepEqual(faults, []);
  await page.done();
  return states;
}

test('a visit to the demo', async () => {
  const site = await Site.start();
  try {
    assert.ok(await lookAtAll(visit, site) > 30);
  } finally {
    await site.stop();
  }
});

test('trouble', async () => {
  const site = await Site.beside();
  try {
    assert.ok(await lookAtAll(trouble, site) > 10);
  } finally {
    await site.stop();
  }
});

test('in colours of the visitor’s own, home, away and the focus are still told apart', async () => {
  const site = await Site.start();
  try {
    const page = await visitor(browser, site, { forcedColors: 'active' });
    await page.goto(`${site.url}/teams/bos`);
    const looks = (selector) => page.locator(selector).first().evaluate((element) => {
      const { backgroundColor, borderTopStyle, borderTopWidth } = getComputedStyle(element);
      return { backgroundColor, border: `${borderTopStyle} ${borderTopWidth}` };
    });
    const home = await looks('.cell.home:not(.over)');
    const away = await looks('.cell.away:not(.over)');
    assert.notEqual(home.backgroundColor, away.backgroundColor);
    for (const selector of ['.cell.away:not(.over)', '.side', '.band .button']) assert.equal((await looks(selector)).border, 'solid 2px', selector);
    await page.keyboard.press('Tab');
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
    await page.done();
  } finally {
    await site.stop();
  }
});

test('with reduced motion nothing moves', async () => {
  const site = await Site.start();
  try {
    const page = await visitor(browser, site, { reducedMotion: 'reduce' });
    await signIn(page, site);
    for (const path of ['/', '/teams/bos', '/import?team=BOS']) {
      await page.goto(site.url + path);
      const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((element) => {
        const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
        return parseFloat(transitionDuration) > 0 || animationName !== 'none' || scrollBehavior === 'smooth';
      }).map((element) => element.outerHTML.slice(0, 80)));
      assert.deepEqual(moving, [], path);
    }
    await page.done();
  } finally {
    await site.stop();
  }
});

test('a season fits on paper, without what only a screen needs', async () => {
  const site = await Site.start();
  try {
    const page = await visitor(browser, site);
    await page.goto(`${site.url}/teams/bos`);
    await page.emulateMedia({ media: 'print' });
    for (const selector of ['.top', '.filter', '.band-do', '.exports']) assert.ok(!(await page.locator(selector).isVisible()), selector);
    assert.ok(await page.locator('.month-grid').first().isVisible());
    const paper = await page.pdf({ format: 'A4' });
    const sheets = paper.toString('latin1').match(/\/Type\s*\/Page\b/g).length;
    assert.ok(sheets <= 4, `${sheets} sheets`);
    await page.done();
  } finally {
    await site.stop();
  }
});

test('two games of one day share its place in the calendar', async () => {
  const site = await Site.start();
  try {
    const page = await visitor(browser, site, { viewport: { width: 360, height: 740 } });
    await page.goto(`${site.url}/teams/bos?timezone=UTC`); // 28 March 2027: 00:30 and 23:00
    const day = page.locator('.month-grid td:has(.cell + .cell)');
    assert.equal(await day.count(), 1);
    const [height, inside, other] = await day.evaluate((cell) => {
      const box = cell.getBoundingClientRect();
      const games = [...cell.querySelectorAll('.cell')].map((game) => game.getBoundingClientRect());
      const above = cell.parentElement.previousElementSibling.getBoundingClientRect();
      return [box.height, games.every(({ top, bottom }) => top >= box.top - 1 && bottom <= box.bottom + 1), above.height];
    });
    assert.ok(inside, 'both are in the day');
    assert.ok(height <= other + 3, `the week is ${height} px high, the one before ${other} px`);
    await page.done();
  } finally {
    await site.stop();
  }
});
