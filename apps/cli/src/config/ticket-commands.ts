import { resolve } from 'node:path';
import { createTicket, encodeTicket, parseTicket, type Ticket } from '@sealane/client/ticket';
import { loadCrypto } from '@sealane/crypto';
import { parseId } from '@sealane/crypto/credential';
import { writeSecretFile } from '@sealane/crypto/key-file';
import type { TicketNewOptions } from '../commands/ticket.js';
import { asUsageError, usageError } from '../output/error-line.js';
import { printResult } from '../output/print.js';
import { loadIdentity } from './identity.js';
import { readSecretText } from './secret-text.js';

/** The ticket is the result of the command and is printed, unless it goes to a file. */
export async function createTicketText(options: TicketNewOptions): Promise<void> {
  if ((options.for === undefined) === (options.bearer !== true)) {
    throw usageError('say who may use the ticket: --for ID, or --bearer for whoever has it');
  }
  await loadCrypto();
  const { credential } = await loadIdentity(options.identity);
  const dialer = options.for === undefined ? undefined : checkedId(options.for);
  const notAfterMs = Date.now() + options.expires;
  const uses = options.uses ?? (dialer === undefined ? 1 : 0);
  const { service = '', alpn } = options;
  const ticket = await create(credential, { service, alpn, dialer, notAfterMs, uses });
  const facts = { id: ticket.id, owner: credential.id, service, notAfterMs, uses };
  if (options.out === undefined) {
    const text = encodeTicket(ticket);
    printResult(options.json, text, { ...facts, ticket: text });
    return;
  }
  const file = resolve(options.out);
  await writeSecretFile(file, new TextEncoder().encode(`${encodeTicket(ticket)}\n`));
  printResult(options.json, `wrote ${file}; give it to the other side for --ticket`, { ...facts, file });
}

/** A ticket from a file that only its user can read, or from the text itself. */
export async function loadTicket(value: string): Promise<Ticket> {
  try {
    return parseTicket(await readSecretText(value, 'sealane-ticket-'));
  } catch (error) {
    throw asUsageError(error, '--ticket');
  }
}

async function create(...args: Parameters<typeof createTicket>): Promise<Ticket> {
  try {
    return await createTicket(...args);
  } catch (error) {
    throw asUsageError(error, 'the ticket');
  }
}

function checkedId(text: string): Uint8Array {
  try {
    return parseId(text);
  } catch (error) {
    throw asUsageError(error, '--for');
  }
}
