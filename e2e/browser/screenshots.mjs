// Writes a picture of every page in every state, in light and dark, on a phone
// and on a desk, into the folder screenshots: node screenshots.mjs [name…]

import { mkdirSync } from 'node:fs';
import { Site } from './site.mjs';
import { launch, visitor } from './browser.mjs';
import { trouble, visit } from './states.mjs';

const folder = process.env.SCREENSHOTS ?? new URL('../../screenshots', import.meta.url).pathname;
mkdirSync(folder, { recursive: true });
const wanted = process.argv.slice(2);
const views = [
  ['phone', 'light', { width: 390, height: 844 }],
  ['phone', 'dark', { width: 390, height: 844 }],
  ['desk', 'light', { width: 1280, height: 900 }],
  ['desk', 'dark', { width: 1280, height: 900 }],
];

const browser = await launch();
for (const [walk, start] of [[visit, () => Site.start()], [trouble, () => Site.beside()]]) {
  const site = await start();
  const page = await visitor(browser, site, { reducedMotion: 'reduce' });
  for await (const name of walk(page, site)) {
    if (wanted.length && !wanted.some((start) => name.startsWith(start))) continue;
    for (const [device, colorScheme, size] of views) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      await page.screenshot({ path: `${folder}/${name}-${device}-${colorScheme}.png`, fullPage: true });
    }
    console.log(name);
  }
  await page.done();
  await site.stop();
}
await browser.close();
