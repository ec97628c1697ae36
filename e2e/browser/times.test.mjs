// Times as people read them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, signIn, visitor } from './browser.mjs';
import { Site, noon } from './site.mjs';

let browser, site;
before(async () => {
  site = await Site.start();
  browser = await launch();
});
after(async () => {
  await browser.close();
  await site.stop();
});

const squeeze = (text) => text.replace(/[\s\u202f]+/g, ' ').trim();
const next = async (page, team) => squeeze(await page.locator(`.card:has(.name:text-is("${team}")) .next`).innerText());

test('visitors read times in their own zone, on their own clock, in their own order', async () => {
  for (const [options, landing, zone, weekday, row, day] of [
    [{ locale: 'en-US', timezoneId: 'America/New_York' }, 'at Kings, tomorrow, 10:00 PM', 'New York time', 'Sun', 'Sat, Nov 21, 10:00 PM', '21'],
    [{ locale: 'en-US', timezoneId: 'America/Los_Angeles' }, 'at Kings, tomorrow, 7:00 PM', 'Los Angeles time', 'Sun', 'Sat, Nov 21, 7:00 PM', '21'],
    [{ locale: 'en-GB', timezoneId: 'Europe/London' }, 'at Kings, in 2 days, 03:00', 'London time', 'Mon', 'Sun 22 Nov, 03:00', '22'],
    [{ locale: 'de-DE', timezoneId: 'Europe/Berlin' }, 'at Kings, in 2 days, 04:00', 'Berlin time', 'Mon', 'Sun 22 Nov, 04:00', '22'],
    [{ locale: 'ja-JP', timezoneId: 'Asia/Tokyo' }, 'at Kings, tomorrow, 12:00', 'Tokyo time', 'Sun', 'Sun, Nov 22, 12:00', '22'],
  ]) {
    const page = await visitor(browser, site, options);
    await page.goto(site.url);
    assert.equal(await next(page, 'Celtics'), landing, options.locale);
    await page.getByText(`Next games in ${zone}`).waitFor();
    await page.goto(`${site.url}/teams/bos`);
    await page.getByText(`Times: ${zone}`).waitFor();
    assert.equal(await page.locator('.month-grid th:visible').first().innerText(), weekday);
    const cell = page.locator('.month-grid', { hasText: /2026/ }).locator('.cell', { hasText: 'Celtics at Kings' });
    assert.equal(await cell.locator('.num').innerText(), day, 'the day in the calendar is theirs, too');
    assert.equal(await page.locator('.row.game', { hasText: 'Celtics at Kings' }).first().locator('time').textContent(), row);
    await page.done();
  }
});

test('a zone that was chosen stays chosen', async () => {
  const page = await visitor(browser, site, { locale: 'de-DE', timezoneId: 'Europe/Berlin' });
  await page.goto(`${site.url}/teams/bos?timezone=Asia/Tokyo`);
  await page.getByText('Times: Tokyo time').waitFor();
  await page.waitForLoadState('networkidle');
  assert.match(await page.locator('.row.game', { hasText: 'Celtics at Kings' }).first().locator('.clock').innerText(), /^12:00/);
  await page.done();
});

test('who is signed in reads times as in Todoist, wherever the browser is', async () => {
  const page = await visitor(browser, site, { locale: 'ja-JP', timezoneId: 'Asia/Tokyo' });
  await signIn(page, site, 'demo-free');
  await page.goto(site.url);
  assert.equal(await next(page, 'Celtics'), 'at Kings, tomorrow, 10:00 PM');
  await page.done();
});

test('a game is on now while it is on', async () => {
  const evening = await Site.start('-now', '2026-11-21T02:00:00Z');
  try {
    for (const options of [{}, { locale: 'de-DE', timezoneId: 'Europe/Berlin' }, { javaScriptEnabled: false }]) {
      const page = await visitor(browser, evening, options);
      await page.goto(evening.url);
      assert.equal(await next(page, 'Bulls'), 'vs Wizards, on now');
      assert.notEqual(await next(page, 'Celtics'), 'on now');
      await page.goto(`${evening.url}/teams/chi`);
      await page.locator('.fact.wide').getByText('On now').waitFor();
      await page.done();
    }
  } finally {
    await evening.stop();
  }
});

test('the next game counts down by the program’s clock', async () => {
  const page = await visitor(browser, site);
  await page.goto(`${site.url}/teams/bos`);
  const hours = (Date.parse('2026-11-22T03:00:00Z') - Date.parse(noon)) / 36e5;
  const [, days, left] = /Tips off in (\d+) d (\d+) h/.exec(await page.locator('.countdown').innerText());
  assert.ok(Math.abs(24 * Number(days) + Number(left) - hours) <= 1);
  await page.done();
});
