import { Agent } from 'node:http';
import { toDuplex } from '@sealane/client/node';

/** An http.Agent whose connections are streams to one Sealane address. They share one session: no handshake each. */
export class SealaneAgent extends Agent {
  #client;
  #address;

  /**
   * @param {import('@sealane/client').RelayClient} client
   * @param {string} address
   * @param {import('node:http').AgentOptions} [options]
   */
  constructor(client, address, options = {}) {
    super({ keepAlive: true, maxSockets: 64, ...options });
    this.#client = client;
    this.#address = address;
  }

  /**
   * Called by node:http whenever it needs a connection.
   * @param {object} _options
   * @param {any} callback Takes the connection later; so nothing is returned now.
   * @returns {any}
   * @override
   */
  createConnection(_options, callback) {
    this.#client.openStream(this.#address).then(
      (stream) => callback(null, Object.assign(toDuplex(stream), socketMethods)),
      (error) => callback(error),
    );
  }
}

/** What node:http calls on an idle socket and a stream has no use for: liveness is the session's affair. */
const socketMethods = {
  setKeepAlive() {},
  setNoDelay() {},
  setTimeout() {},
  ref() {},
  unref() {},
};
