import { hostname } from 'node:os';
import { formatAddress, parseAddress } from '@sealane/client';
import { generateAccessSecret } from '@sealane/crypto/credential';
import { SealaneError } from '@sealane/types';
import { printable } from './printable.js';

/**
 * @typedef {import('@sealane/client').RelayClient} RelayClient
 * @typedef {import('@sealane/client').SecureConnection} SecureConnection
 * @typedef {import('./phones.js').Phone} Phone
 */

/**
 * Offers a one-time address. It belongs to the first phone whose session is confirmed, which only a phone with the
 * secret can reach. That phone may come back until it has stored where to find this computer; then the lease is closed.
 * @param {RelayClient} client
 * @param {{ permanentAddress: string, remember: (phone: Phone) => Promise<void> }} options
 * @returns {Promise<{ address: string, paired: Promise<Phone | undefined> }>}
 */
export async function offerPairing(client, { permanentAddress, remember }) {
  const accessSecret = generateAccessSecret();
  /** @type {string | undefined} */
  let firstId;
  /** @type {Phone | undefined} */
  let phone;
  const listener = await client.listen({
    service: 'pair',
    accessSecret,
    takeOver: true,
    accept: ({ id }) => firstId === undefined || firstId === id || { deny: 'another phone has used this code' },
  });
  return { address: formatAddress({ ...parseAddress(listener.address), accessSecret }), paired: pair() };

  async function pair() {
    for await (const connection of listener) {
      firstId ??= connection.peerId;
      // Two may have been asked about before either of them was confirmed.
      if (firstId !== connection.peerId) connection.abort(new SealaneError('ERR_E2EE_DENIED'));
      else welcome(connection).catch(() => connection.abort());
    }
    return phone;
  }

  /** @param {SecureConnection} connection */
  async function welcome(connection) {
    for await (const stream of connection) {
      const name = printable(new TextDecoder().decode(stream.metadata)).slice(0, 40);
      const found = { id: connection.peerId, name };
      // First remembered, then told: an address that the phone has is one that lets it in.
      await remember(found);
      const writer = stream.writable.getWriter();
      const answer = JSON.stringify({ address: permanentAddress, computer: hostname() });
      await writer.write(new TextEncoder().encode(answer));
      await writer.close();
      // The phone ends its side when it has stored the answer.
      for await (const _ of stream.readable) throw new Error('the phone has nothing more to say');
      phone = found;
      await listener.close();
      return;
    }
  }
}
