import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram } from '@sealane/testkit';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterEach, expect, it } from 'vitest';
import { ExampleStage, printed } from '../examples/example-stage.js';
import { switches } from './support/browser-stage.js';

const closers: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => closers.push(() => Promise.reject(error)));
  await page.goto(url);
  return page;
}

/** Resolves when the log of `page` shows `text`. */
async function shows(page: Page, text: string): Promise<void> {
  await page.locator('#log li', { hasText: text }).first().waitFor();
}

it('the example page invites a program and another tab: messages and files arrive, nothing breaks its policy', async (test) => {
  const executablePath = requireProgram(test, 'chromium');
  const directory = mkdtempSync(join(tmpdir(), 'sealane-page-'));
  closers.push(async () => rmSync(directory, { recursive: true, force: true }));
  const stage = await ExampleStage.open('browser');
  closers.push(() => stage[Symbol.asyncDispose]());
  const server = stage.run('browser/server.js', { 8080: '0' });
  const url = await printed(server, 'page');
  const browser = await chromium.launch({ executablePath, args: switches });
  closers.push(() => browser.close());
  const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 900, height: 760 } });
  const violations: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') violations.push(message.text());
  });

  const host = await open(context, url);
  await host.locator('#invitation').waitFor();
  const invitation = await host.locator('#link').inputValue();

  const fromNode = join(directory, 'from-node.bin');
  writeFileSync(fromNode, Buffer.alloc(3_000_000, 'node'));
  const peer = stage.run('browser/peer.js', { INVITATION: invitation, FILE: fromNode });
  await shows(host, 'Hello from Node');
  expect(await printed(peer, 'sent')).toBe(`${sha256(readFileSync(fromNode))} from-node.bin`);
  const downloading = host.waitForEvent('download');
  await host.locator('#log a', { hasText: 'from-node.bin' }).click();
  const saved = join(directory, 'saved.bin');
  await (await downloading).saveAs(saved);
  expect(sha256(readFileSync(saved))).toBe(sha256(readFileSync(fromNode)));

  await host.locator('#text').fill('Hello from the page');
  await host.locator('#text').press('Enter');
  expect(await printed(peer, 'message')).toBe('Hello from the page');
  const fromPage = Buffer.alloc(5_000_000, 'page');
  await host.locator('#file').setInputFiles({ name: 'from page.bin', mimeType: 'text/html', buffer: fromPage });
  expect(await printed(peer, 'file')).toBe(`${sha256(fromPage)} ${fromPage.length} from page.bin`);
  await peer.stop();
  await shows(host, 'left.');

  const guest = await open(await browser.newContext(), invitation);
  await guest.locator('body[data-state=open]').waitFor();
  await guest.locator('#text').fill('<b>Hello</b> from another browser');
  await guest.locator('#text').press('Enter');
  await shows(host, '<b>Hello</b> from another browser');
  await guest.locator('#log .ours.delivered').waitFor();
  const picture = process.env['SEALANE_SCREENSHOT'];
  if (picture !== undefined) await host.screenshot({ path: picture });
  await guest.close();
  await shows(host, 'is gone (ERR_E2EE_TRUNCATED)');
  expect(violations).toEqual([]);
});
