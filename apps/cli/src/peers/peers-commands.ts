import { resolve } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import { encodeId, isIdLike, parseId } from '@sealane/crypto/credential';
import { isService, parseName, SealaneError } from '@sealane/types';
import type { PeersOptions, PeersRelayOptions } from '../commands/peers.js';
import { loadConfigFile } from '../config/config-file.js';
import { defaultKnownPeersFile } from '../config/paths.js';
import { asUsageError, usageError } from '../output/error-line.js';
import { printResult } from '../output/print.js';
import { encodeJsonLine } from '../output/sanitize.js';
import { type Answer, KnownPeers } from './known-peers.js';
import { compactRecords, foldRecords, type PeerRecord, type Pin } from './record.js';
import { appendRecord, rewriteRecords } from './record-file.js';

/** The file in use: the option, else the configuration file's, else the default. */
export async function knownPeersPath(option: string | undefined): Promise<string> {
  if (option !== undefined) return resolve(option);
  return (await loadConfigFile()).knownPeers ?? defaultKnownPeersFile();
}

export async function listPeers(options: PeersOptions): Promise<void> {
  const peers = await openPeers(options);
  const { pins, refused, keycerts } = await peers.state();
  const date = (at: number) => new Date(at * 1000).toISOString().slice(0, 10);
  for (const pin of pins.values()) {
    printResult(
      options.json,
      `${pin.name} -> ${pin.id}${pin.service === '' ? '' : `/${pin.service}`}  relay ${pin.relay}  since ${date(pin.at)}`,
      { kind: 'name', name: pin.name, id: pin.id, service: pin.service, relay: pin.relay, at: pin.at },
    );
  }
  for (const pin of refused.values()) {
    printResult(
      options.json,
      `${pin.name} -> ${pin.id}  REFUSED on ${date(pin.at)}: differs from the pin  relay ${pin.relay}`,
      {
        kind: 'refused',
        name: pin.name,
        id: pin.id,
        service: pin.service,
        relay: pin.relay,
        at: pin.at,
      },
    );
  }
  for (const { id, epoch } of keycerts.values()) {
    printResult(options.json, `${id}  keys of epoch ${epoch}`, { kind: 'id', id, epoch });
  }
  if (!options.json && pins.size + refused.size + keycerts.size === 0) {
    process.stderr.write(`nothing is known yet in ${peers.path}\n`);
  }
}

export async function acceptPeer(
  nameText: string,
  idText: string | undefined,
  options: PeersRelayOptions,
): Promise<void> {
  await loadCrypto();
  const peers = await openPeers(options);
  const name = checked(() => parseName(nameText), 'NAME');
  const { pins, refused } = await peers.state();
  const relay =
    options.relayId === undefined ? undefined : checked(() => encodeId(parseId(options.relayId ?? '')), '--relay-id');
  const about = (pin: Pin) => pin.name === name && (relay === undefined || pin.relay === relay);
  const candidates = [...refused.values()].filter(about);
  const known = [...pins.values()].filter(about);
  const relays = new Set([...candidates, ...known].map((pin) => pin.relay));
  if (relay !== undefined) relays.add(relay);
  const [only] = relays;
  if (only === undefined) {
    throw new SealaneError(
      'ERR_ARGUMENT',
      `no answer for "${name}" is known in ${peers.path}; give the relay with --relay-id`,
    );
  }
  if (relays.size > 1) {
    throw usageError(
      `"${name}" is known at ${relays.size} relays; choose one with --relay-id: ${[...relays].join(', ')}`,
    );
  }
  const answer = idText === undefined ? candidates.find((pin) => pin.relay === only) : parseAnswer(idText);
  if (answer === undefined) {
    throw new SealaneError(
      'ERR_ARGUMENT',
      `no answer for "${name}" was refused; give the id: sealane peers accept ${name} <id>`,
    );
  }
  const record: PeerRecord = {
    kind: 'accept',
    relay: only,
    name,
    id: answer.id,
    service: answer.service,
    at: Math.floor(Date.now() / 1000),
  };
  await appendRecord(peers.path, record);
  printResult(
    options.json,
    `${name} -> ${answer.id}${answer.service === '' ? '' : `/${answer.service}`} at relay ${only}`,
    {
      name,
      id: answer.id,
      service: answer.service,
      relay: only,
    },
  );
}

export async function forgetPeer(nameOrId: string, options: PeersRelayOptions): Promise<void> {
  await loadCrypto();
  const peers = await openPeers(options);
  const { pins, refused, keycerts } = await peers.state();
  const relay =
    options.relayId === undefined ? undefined : checked(() => encodeId(parseId(options.relayId ?? '')), '--relay-id');
  const at = Math.floor(Date.now() / 1000);
  const records: PeerRecord[] = [];
  if (isIdLike(nameOrId)) {
    const id = checked(() => encodeId(parseId(nameOrId)), 'ID');
    if (keycerts.has(id)) records.push({ kind: 'forget-id', id, at });
  } else {
    const name = checked(() => parseName(nameOrId), 'NAME');
    const relays = [...pins.values(), ...refused.values()].filter((pin) => pin.name === name).map((pin) => pin.relay);
    for (const known of new Set(relays)) {
      if (relay === undefined || relay === known) records.push({ kind: 'forget', relay: known, name, at });
    }
  }
  if (records.length === 0) {
    throw new SealaneError('ERR_ARGUMENT', `"${nameOrId}" is not known in ${peers.path}; see "sealane peers ls"`);
  }
  for (const record of records) await appendRecord(peers.path, record);
  // The forgotten lines leave the disk too.
  await rewriteRecords(peers.path, (lines) => compactRecords(foldRecords(lines)));
  printResult(options.json, `forgot ${nameOrId}`, { forgotten: nameOrId });
}

async function openPeers(options: PeersOptions): Promise<KnownPeers> {
  return new KnownPeers(await knownPeersPath(options.knownPeers), {
    onDamaged: (count) => {
      const message = `${count} damaged lines in the known-peers file were skipped`;
      process.stderr.write(options.json ? encodeJsonLine({ event: 'warning', message }) : `warning: ${message}\n`);
    },
  });
}

function parseAnswer(text: string): Answer {
  const [idText = '', service = '', ...rest] =
    text
      .replace(/^sealane:\/\//i, '')
      .split('?')[0]
      ?.split('/') ?? [];
  const id = checked(() => encodeId(parseId(idText)), 'ID');
  if (rest.length > 0 || !isService(service)) throw usageError(`"${text}" is not ID or ID/SERVICE`);
  return { id, service };
}

function checked<T>(parse: () => T, what: string): T {
  try {
    return parse();
  } catch (error) {
    throw asUsageError(error, what);
  }
}
