import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import { encodeAccessSecret, generateAccessSecret } from '@sealane/crypto/credential';
import { requireProgram, type SkippableTest } from '@sealane/testkit';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { ExampleStage, output, printed } from '../examples/example-stage.js';
import { switches } from './support/browser-stage.js';

const desktop = 'phone-pairing/desktop.js ws';
const hosted = "phone-pairing/desktop.js ws://127.0.0.1:9000 --page '";
/** A picture that every browser and program can read: one white pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTjN5gAAAABJRU5ErkJggg==',
  'base64',
);

beforeAll(loadCrypto);
const closers: (() => Promise<unknown> | undefined)[] = [];
const complaints: string[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  complaints.length = 0;
});

/** A phone: a browser with a profile of its own, so that it can be switched off and on. */
class Phone {
  readonly #executablePath: string;
  readonly #directory: string;
  #context: BrowserContext | undefined;

  constructor(test: SkippableTest) {
    this.#executablePath = requireProgram(test, 'chromium');
    this.#directory = mkdtempSync(join(tmpdir(), 'sealane-phone-'));
    closers.push(async () => {
      await this.switchOff();
      rmSync(this.#directory, { recursive: true, force: true });
    });
  }

  async open(url: string): Promise<Page> {
    this.#context ??= await this.#launch();
    const page = await this.#context.newPage();
    await page.goto(url);
    return page;
  }

  async switchOff(): Promise<void> {
    await this.#context?.close();
    this.#context = undefined;
  }

  async #launch(): Promise<BrowserContext> {
    const context = await chromium.launchPersistentContext(this.#directory, {
      executablePath: this.#executablePath,
      args: switches,
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      isMobile: true,
      hasTouch: true,
      userAgent: 'Mozilla/5.0 (Linux; Android 16; Phone) AppleWebKit/537.36 Chrome/156.0.0.0 Mobile Safari/537.36',
    });
    context.on('weberror', (error) => complaints.push(String(error.error())));
    context.on('console', (message) => {
      if (/violates the following/.test(message.text())) complaints.push(message.text());
    });
    return context;
  }
}

async function openStage(): Promise<ExampleStage> {
  const stage = await ExampleStage.open('phone-pairing');
  closers.push(() => stage[Symbol.asyncDispose]());
  return stage;
}

async function picture(page: Page, name: string): Promise<void> {
  const directory = process.env['SEALANE_SCREENSHOTS'];
  if (directory !== undefined) await page.screenshot({ path: join(directory, `${name}.png`) });
}

/** The page as `write-page.js` writes it, at a web host that sets no header; `seen` are the paths asked for. */
async function hostPage(stage: ExampleStage): Promise<{ url: string; seen: ReadonlySet<string> }> {
  expect(await output(stage.run('phone-pairing/write-page.js'))).toContain('wrote phone-page/index.html\n');
  const seen = new Set<string>();
  const types: Readonly<Record<string, string>> = { html: 'text/html', css: 'text/css', js: 'text/javascript' };
  const host = createServer((request, response) => {
    seen.add(String(request.url));
    const name = request.url === '/to/phone/' ? 'index.html' : String(request.url).slice('/to/phone/'.length);
    response.setHeader('content-type', types[name.split('.')[1] ?? ''] ?? 'text/plain');
    response.end(readFileSync(join(stage.directory, 'phone-page', name)));
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  closers.push(async () => host.close().closeAllConnections());
  return { url: `http://127.0.0.1:${(host.address() as AddressInfo).port}/to/phone/`, seen };
}

const isOpen = (page: Page): Promise<void> => page.locator('body[data-state=open]').waitFor();

it('a phone that scans the code is paired, sends, and after a restart of both sides is there again without a code', async (test) => {
  const phone = new Phone(test);
  const stage = await openStage();
  const program = stage.run(desktop, { 8080: '0' });
  const link = await printed(program, 'link');
  const { origin, port } = new URL(link);

  const page = await phone.open(link);
  await page.locator('#card-text', { hasText: await printed(program, 'computer') }).waitFor();
  await picture(page, 'ask');
  await page.locator('#pair').click();
  await isOpen(page);
  const [id, name] = (await printed(program, 'paired')).split(' ');
  expect(name).toBe('Android');
  expect(await printed(program, 'connected')).toBe(id);
  expect(page.url()).toBe(`${origin}/`);

  await page.locator('#text').fill('<b>from</b> the phone\nand more');
  await page.locator('#send').click();
  expect(await printed(program, 'text')).toBe('<b>from</b> the phone ⏎ and more');
  await page.locator('#photo').setInputFiles({ name: '../../evil.html', mimeType: 'image/png', buffer: png });
  expect(await printed(program, 'photo')).toBe(`photo-1.png ${png.length} bytes`);
  expect(readFileSync(join(stage.directory, 'phone-pairing-data/photos/photo-1.png'))).toEqual(png);
  await page.locator('#log .ours.done', { hasText: 'saved as photo-1.png' }).waitFor();
  program.child.stdin?.write('<i>from</i> the computer\n');
  await page.locator('#log .theirs', { hasText: '<i>from</i> the computer' }).waitFor();
  await picture(page, 'talk');

  await program.stop();
  await page.locator('#status', { hasText: 'Computer is away' }).waitFor();
  const again = stage.run(desktop, { 8080: port });
  expect(await printed(again, 'connected')).toBe(id);
  await isOpen(page);
  await phone.switchOff();
  await printed(again, 'left');
  const later = await phone.open(origin);
  await isOpen(later);
  await later.locator('#text').fill('without a code');
  await later.locator('#send').click();
  expect(await printed(again, 'text')).toBe('without a code');
  expect(again.stdout).not.toContain('link');

  expect(await output(stage.run('phone-pairing/desktop.js --forget'))).toBe('forgot 1 phone\n');
  await later.locator('#text').fill('am I known?');
  await later.locator('#send').click();
  await later.locator('#card-title', { hasText: 'No longer paired' }).waitFor();
  await later.reload();
  await later.locator('#card-title', { hasText: 'Scan the code' }).waitFor();
  await picture(later, 'empty');
  expect(again.stdout).not.toContain('am I known?');
  expect(complaints).toEqual([]);
});

it('a second phone with the same code and a phone with a wrong secret are told why they are not paired, by a page of any web host', async (test) => {
  const phone = new Phone(test);
  const other = new Phone(test);
  const stage = await openStage();
  const { url, seen } = await hostPage(stage);
  const program = stage.run(hosted, { 'PAGE-URL': url });
  const link = await printed(program, 'link');
  expect(link.startsWith(`${url}#sealane://`)).toBe(true);
  const secret = encodeAccessSecret(generateAccessSecret()).replace('sealane-secret-', '');

  const wrong = await other.open(link.replace(/![^!]*$/, `!${secret}`));
  await wrong.locator('#pair').click();
  await wrong.locator('#card-text', { hasText: 'secret in this code is not the right one' }).waitFor();
  const right = await phone.open(link);
  await right.locator('#pair').click();
  await isOpen(right);
  const second = await other.open(link);
  await second.locator('#pair').click();
  await second.locator('#card-text', { hasText: 'Nobody waits for this code: it was used' }).waitFor();
  await picture(second, 'refused');
  const damaged = await other.open(`${link.slice(0, -9)}aaaaaaaaa`);
  await damaged.locator('#card-text', { hasText: 'cannot be read' }).waitFor();
  expect(program.stdout.match(/^paired /gm)).toHaveLength(1);
  expect(program.stdout.match(/^connected /gm)).toHaveLength(1);

  // A phone that is paired keeps its computer whatever is scanned.
  const rescanned = await phone.open(link);
  await rescanned.locator('#pair').click();
  await rescanned.locator('#card-text', { hasText: 'Nobody waits' }).waitFor();
  await rescanned.locator('#keep').click();
  await isOpen(rescanned);
  expect([...seen].sort()).toEqual(['/to/phone/', '/to/phone/page.css', '/to/phone/page.js']);
  expect(complaints).toEqual([]);
  // The policy that the page carries is in force.
  await rescanned.evaluate(() => fetch('/other').catch(() => undefined));
  expect(complaints).toEqual([expect.stringContaining('connect-src')]);
});
