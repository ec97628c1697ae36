import { chromium } from 'playwright-core';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['dark', 390]]) {
  const c = await b.newContext({ colorScheme: scheme, viewport: { width, height: 900 } });
  const p = await c.newPage();
  await p.goto('http://localhost:8090/sign-in?next=/import?team=MIA');
  await p.locator('form[action$="/sign-in"] button').last().click();
  await p.locator('button[value=allow]').click();
  await p.goto('http://localhost:8090/import?team=MIA');
  await p.locator('details.task summary').first().click();
  await p.screenshot({ path: `/tmp/shot-import-${scheme}-${width}.png` });
  for (const t of ['mia', 'bkn']) { await p.goto('http://localhost:8090/teams/' + t); await p.screenshot({ path: `/tmp/shot-${t}-${scheme}-${width}.png` }); }
  await p.goto('http://localhost:8090/'); await p.screenshot({ path: `/tmp/shot-home-${scheme}-${width}.png`, fullPage: true });
  await c.close();
}
await b.close();
