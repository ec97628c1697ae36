// Starts the program and, where a test wants to get in between, a relay before
// the in-memory Todoist of another one.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = process.env.TIPOFF ?? new URL('../../tipoff', import.meta.url).pathname;

// The clock of every site: a Friday of the regular season, 1 p.m. in New York,
// with NBA Cup games that evening.
export const noon = '2026-11-20T18:00:00Z';

// A Site is the program with the demo's Todoist.
export class Site {
  static async start(...args) {
    const site = new Site();
    site.args = ['-demo', ...args];
    await site.run();
    return site;
  }

  async run() {
    if (!this.args.includes('-now')) this.args.push('-now', noon);
    this.log = '';
    this.process = spawn(program, ['-addr', `localhost:${this.port ?? 0}`, ...this.args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.url = await new Promise((resolve, reject) => {
      const read = (bytes) => {
        this.log += bytes;
        const found = /msg=listening .*?url=(\S+) address=(\S+)/.exec(this.log);
        if (found) {
          this.port = found[2].split(':').pop();
          resolve(found[1]);
        }
      };
      this.process.stdout.on('data', read);
      this.process.stderr.on('data', read);
      this.process.once('exit', () => reject(new Error(`the program ended:\n${this.log}`)));
    });
    return this;
  }

  async stop() {
    this.process.kill('SIGTERM');
    await this.ended;
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
    await this.relay?.close();
    await this.todoist?.stop();
  }

  // restart stops the program and starts it again at the same address with what
  // it has kept.
  async restart() {
    this.process.kill('SIGTERM');
    await this.ended;
    return this.run();
  }

  // beside starts the program beside the in-memory Todoist of a demo, with a
  // relay between the two. People sign in with the demo's tokens.
  static async beside(...args) {
    const site = new Site();
    site.todoist = await Site.start();
    site.relay = await Relay.to(site.todoist.url);
    site.folder = mkdtempSync(join(tmpdir(), 'tipoff-'));
    site.args = ['-data-dir', site.folder, '-todoist-api-url', site.relay.url, '-schedule-url', 'off', '-espn-url', 'off', ...args];
    return site.run();
  }
}

// A Relay hands requests on. Each of its rules may hold a request back or answer
// it: it is asked with { method, path, body } and returns nothing, or
// { wait: milliseconds or a promise }, { status, body, header } or { drop: true }.
class Relay {
  rules = [];

  static async to(target) {
    const relay = new Relay();
    relay.server = http.createServer((request, response) => {
      relay.serve(target, request, response).catch(() => response.destroy());
    });
    await new Promise((resolve) => relay.server.listen(0, '127.0.0.1', resolve));
    relay.url = `http://127.0.0.1:${relay.server.address().port}`;
    return relay;
  }

  async serve(target, request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    for (const rule of this.rules) {
      const what = rule({ method: request.method, path: request.url, body: body.toString() });
      await (typeof what?.wait === 'number' ? new Promise((resolve) => setTimeout(resolve, what.wait)) : what?.wait);
      if (what?.drop) {
        response.destroy();
        return;
      }
      if (what?.status) {
        response.writeHead(what.status, { 'Content-Type': 'application/json', ...what.header });
        response.end(JSON.stringify(what.body ?? {}));
        return;
      }
    }
    const headers = { ...request.headers, host: new URL(target).host };
    const onward = http.request(target + request.url, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

// writes says of a request to the relay that it changes something.
export const writes = ({ path, body }) => path.startsWith('/api/v1/sync') && body.includes('"commands":[{');
