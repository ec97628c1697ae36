// A real browser and what the tests do in it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const found = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
export const executable = found.find((path) => path && existsSync(path));
export const flags = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const launch = () => chromium.launch({ executablePath: executable, args: flags });

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// visitor opens a new browser window with no cookies. Whatever goes wrong in its
// pages fails the test: a script's error, something the content security policy
// forbids, a request to somebody else.
export async function visitor(browser, site, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'America/New_York', ...options });
  context.setDefaultTimeout(20000);
  context.faults = [];
  const own = [site.url, site.todoist?.url].filter(Boolean).map((url) => new URL(url).host);
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && !own.includes(url.host)) context.faults.push(`asked ${url.host}`);
  });
  context.on('weberror', (error) => context.faults.push(String(error.error())));
  context.on('console', (message) => {
    // Answers of 4xx and 5xx that a test wants are logged as errors, too.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) context.faults.push(message.text());
  });
  const page = await context.newPage();
  page.done = async () => {
    assert.deepEqual(context.faults, []);
    await context.close();
  };
  return page;
}

// axe looks for what shuts people out. The lines of the court behind what is
// said are taken away meanwhile, since axe cannot tell the contrast before them;
// what it cannot tell nevertheless counts as a fault, too.
export async function axe(page, what) {
  if (await page.evaluate(() => !globalThis.axe)) await page.evaluate(axeSource);
  const lines = await page.evaluate(async () => {
    const bare = new CSSStyleSheet();
    bare.replaceSync('.court { display: none } .hero::before { content: none }');
    document.adoptedStyleSheets = [bare];
    const { violations, incomplete } = await globalThis.axe.run({ resultTypes: ['violations', 'incomplete'], preload: false });
    document.adoptedStyleSheets = [];
    // Arrows are no text, and what lies below an open menu is hidden by it.
    const open = document.querySelector('.menu[open]') ? [] : incomplete.filter(({ id }) => id === 'color-contrast').map(({ id, nodes }) => ({ id, nodes: nodes.filter(({ target }) => !/\.arrow/.test(target)) }));
    return [...violations, ...open].flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${(node.failureSummary ?? '').split('\n').slice(1, 3).join(' ')}`));
  });
  assert.deepEqual(lines, [], what);
}

// overflow is by how many pixels a page is wider than its window.
export const overflow = (page) => page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);

export const heading = (page) => page.locator('h1').innerText();

// signIn signs in with one of the demo's tokens.
export async function signIn(page, site, token = 'demo-pro', next = '/') {
  await page.goto(`${site.url}/sign-in?next=${encodeURIComponent(next)}`);
  if (await page.getByText('Use a personal API token instead').count()) await page.getByText('Use a personal API token instead').click();
  await page.getByLabel('Personal API token').fill(token);
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
}

// projectPage is the path of the page of the import whose project has this name.
export async function projectPage(page, site, name) {
  await page.goto(`${site.url}/projects`);
  return page.getByRole('link', { name, exact: true }).getAttribute('href');
}

// importTeam imports with the defaults and ends on the project's page.
export async function importTeam(page, site, query) {
  await page.goto(`${site.url}/import?${query}`);
  await page.locator('#go').click();
  await page.waitForURL('**/projects**');
}
