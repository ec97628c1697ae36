// How fast pages are, as Lighthouse and the browser itself measure it. Run this
// alone: what else runs at the same time is measured, too.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as chrome from 'chrome-launcher';
import lighthouse from 'lighthouse';
import { executable, flags, launch, signIn, visitor } from './browser.mjs';
import { Site } from './site.mjs';

let browser, site;
before(async () => {
  site = await Site.start();
  browser = await launch();
});
after(async () => {
  await browser.close();
  await site.stop();
});

for (const [what, path, signedIn] of [['the landing page', '/'], ['a team’s season', '/teams/bos'], ['the sign-in page', '/sign-in'], ['the import page', '/import?team=BOS', true]]) {
  // A list of 65 games takes a machine that does something else a moment longer to paint.
  const least = signedIn ? 95 : 100;
  test(`Lighthouse gives ${what} 100 in everything${signedIn ? ', and at least 95 for its speed' : ''}`, async () => {
    let scores;
    const settings = {};
    if (signedIn) {
      const page = await visitor(browser, site);
      await signIn(page, site);
      const cookies = await page.context().cookies();
      settings.extraHeaders = { Cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; ') };
      settings.skipAudits = ['is-crawlable']; // no search engine is to list it
      await page.done();
    }
    // Performance is measured, and the machine may be busy: six tries. One
    // whose trace was lost has measured nothing.
    for (let tries = 0, runs = 0; tries < 6 && runs < 9; runs++) {
      const own = await chrome.launch({ chromePath: executable, chromeFlags: [...flags, '--headless=new'], logLevel: 'silent' });
      try {
        const { lhr } = await lighthouse(site.url + path, { port: own.port, logLevel: 'silent', output: 'json', ...settings });
        scores = Object.fromEntries(Object.entries(lhr.categories).map(([name, { score }]) => [name, Math.round(100 * score)]));
        const poor = Object.values(lhr.audits).filter(({ score }) => score !== null && score < 1).map(({ id, score, displayValue }) => `${id} ${score} ${displayValue ?? ''}`);
        if (scores.performance >= least) scores.performance = 100;
        if (Object.values(scores).every((score) => score === 100)) return;
        const broken = Object.values(lhr.audits).filter(({ scoreDisplayMode }) => scoreDisplayMode === 'error').map(({ id, errorMessage }) => `${id}: ${errorMessage}`);
        console.log(what, JSON.stringify(scores), [...poor, ...broken.slice(0, 3)].join('; '), `on a machine of ${lhr.environment.benchmarkIndex}`);
        if (scores.performance === 100) break;
        if (!broken.length) tries++;
      } finally {
        await own.kill();
      }
    }
    assert.deepEqual(scores, { performance: 100, accessibility: 100, 'best-practices': 100, seo: 100 });
  });
}

test('the landing page is under 40 kB, asks nobody else, and needs nothing after it is painted', async () => {
  const page = await visitor(browser, site);
  const wire = await page.context().newCDPSession(page);
  await wire.send('Network.enable');
  const requests = new Map();
  wire.on('Network.requestWillBeSent', ({ requestId, request, timestamp }) => requests.set(requestId, { url: request.url, began: timestamp }));
  wire.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    requests.get(requestId).bytes = encodedDataLength;
  });
  await page.goto(site.url, { waitUntil: 'networkidle' });
  const all = [...requests.values()].filter(({ url }) => !url.startsWith('data:'));
  const total = all.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  console.log(`${total} bytes in ${all.length} requests: ${all.map(({ url, bytes }) => `${new URL(url).pathname} ${bytes}`).join(', ')}`);
  assert.ok(total > 10000 && total < 40000, `${total} bytes`);

  // What was asked for after the first paint was named in the page's head.
  const named = await page.evaluate(() => [...document.head.querySelectorAll('[href], [src]')].map((element) => element.href ?? element.src));
  for (const { url } of all) assert.ok(url === `${site.url}/` || named.includes(url), `${url} was asked for later`);
  const count = requests.size;
  await page.mouse.wheel(0, 3000);
  await page.waitForTimeout(500);
  assert.equal(requests.size, count, 'nothing is asked for while looking around');
  await page.done();
});

test('nothing jumps about while pages load', async () => {
  // In a zone other than the league's, times are written anew.
  for (const timezoneId of ['America/New_York', 'Europe/Berlin']) {
    for (const viewport of [{ width: 390, height: 844 }, { width: 1280, height: 900 }]) {
      const page = await visitor(browser, site, { timezoneId, viewport });
      await page.addInitScript(() => {
        globalThis.jumps = [];
        new PerformanceObserver((list) => {
          for (const { value, sources } of list.getEntries()) globalThis.jumps.push(`${value.toFixed(4)} ${sources.map(({ node }) => node?.outerHTML?.slice(0, 60) ?? node?.data)}`);
        }).observe({ type: 'layout-shift', buffered: true });
      });
      for (const path of ['/', '/teams/bos', '/sign-in', '/import?team=BOS']) {
        await page.goto(site.url + path, { waitUntil: 'networkidle' });
        assert.deepEqual(await page.evaluate(() => globalThis.jumps), [], `${path} in ${timezoneId} at ${viewport.width}`);
      }
      await page.done();
    }
  }
});

test('browsers offer to install it', async () => {
  const page = await visitor(browser, site);
  const wire = await page.context().newCDPSession(page);
  await page.goto(site.url);
  const { errors, data } = await wire.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  const manifest = JSON.parse(data);
  assert.deepEqual([manifest.name, manifest.display], ['Tipoff', 'standalone']);
  const { installabilityErrors } = await wire.send('Page.getInstallabilityErrors');
  // A window of the tests is off the record, where nothing is installed.
  assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito'), []);
  const colours = () => page.locator('meta[name=theme-color]').evaluateAll((all) => all.map(({ content }) => content));
  const plain = await colours();
  await page.goto(`${site.url}/teams/bos`);
  assert.equal((await colours()).length, 2);
  assert.notDeepEqual(await colours(), plain, 'a team’s page has the team’s colour');
  await page.done();
});

test('a link to a team shows the picture of Tipoff', async () => {
  const page = await visitor(browser, site);
  await page.goto(`${site.url}/teams/bos`);
  const picture = await page.locator('meta[property="og:image"]').getAttribute('content');
  assert.equal(picture, `${site.url}/static/share.png`);
  assert.deepEqual(await page.evaluate(async (address) => {
    const answer = await fetch(address);
    const { width, height } = await createImageBitmap(await answer.blob());
    return [answer.headers.get('Content-Type'), width, height];
  }, picture), ['image/png', 1200, 630]);
  await page.done();
});
