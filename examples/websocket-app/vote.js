// Votes in the application and watches the score until `--until N` votes are counted.
//   node vote.js ADDRESS tea|coffee [--until N]
import { parseArgs } from 'node:util';
import { connect } from '@sealane/client';
import { toDuplex } from '@sealane/client/node';
import WebSocket from 'ws';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { until: { type: 'string' } } });
const [address = '', choice = 'tea'] = positionals;
const until = Number(values.until ?? 1);

const client = await connect(address);
const stream = toDuplex(await client.openStream(address));
// The stream takes the place of the TCP connection; the host name means nothing here.
const socket = new WebSocket('ws://votes.sealane/', {
  createConnection: () => /** @type {import('node:net').Socket} */ (stream),
});
socket.on('open', () => socket.send(choice));
socket.on('message', (data) => {
  const { tea, coffee } = JSON.parse(data.toString());
  console.log(`tea ${tea}, coffee ${coffee}`);
  if (tea + coffee >= until) socket.close();
});
socket.on('error', (error) => console.error(error.message));
socket.on('close', () => client.close());
