import { readFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import {
  decodeOpenTicket,
  decodeTicket,
  encodeEnrolmentToken,
  encodeTicket,
  hashEnrolmentToken,
  parseEnrolmentToken,
  parseTicket,
} from '../src/admission/index.js';
import { loadCrypto } from '../src/index.js';

interface Vectors {
  readonly tokens: { readonly bytes: string; readonly id: string; readonly hash: string; readonly text: string }[];
  readonly tickets: {
    readonly owner: string;
    readonly id: string;
    readonly service: string;
    readonly notAfterMs: number;
    readonly uses: number;
    readonly dialer: string | null;
    readonly alpn: string | null;
    readonly open: string;
    readonly whole: string;
    readonly text: string;
  }[];
  readonly invalidTickets: { readonly reason: string; readonly whole: string }[];
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
let vectors: Vectors;

beforeAll(async () => {
  await loadCrypto();
  vectors = JSON.parse(await readFile(new URL('../vectors/admission.json', import.meta.url), 'utf8')) as Vectors;
});

it('tokens', () => {
  for (const { bytes, id, hash, text } of vectors.tokens) {
    const token = parseEnrolmentToken(text);
    expect([hexOf(token.bytes), token.id, hexOf(hashEnrolmentToken(token))]).toEqual([bytes, id, hash]);
    expect(encodeEnrolmentToken(token)).toBe(text);
  }
});

it('tickets', () => {
  for (const { owner, dialer, alpn, open, whole, text, ...facts } of vectors.tickets) {
    const ticket = parseTicket(text);
    expect(ticket).toMatchObject({ ...facts, alpn: alpn ?? undefined });
    expect([hexOf(ticket.owner), hexOf(ticket.bytes), hexOf(ticket.whole)]).toEqual([owner, open, whole]);
    expect(ticket.dialer === undefined ? null : hexOf(ticket.dialer)).toBe(dialer);
    expect(encodeTicket(ticket)).toBe(text);
    expect(decodeOpenTicket(Buffer.from(open, 'hex'))).toMatchObject(facts);
  }
});

it('what is no ticket', () => {
  for (const { reason, whole } of vectors.invalidTickets) {
    const decode = (): unknown => decodeTicket(Buffer.from(whole, 'hex'));
    expect(decode, reason).toThrow(expect.objectContaining({ code: 'ERR_TICKET_INVALID' }));
  }
});
