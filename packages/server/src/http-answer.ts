import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

export interface HttpAnswer {
  readonly status: number;
  /** Named like the codes of the protocol, so that a client can tell refusals apart. */
  readonly code: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers on a socket that is not (or no longer) Node's HTTP response, and closes it. */
export function answerSocket(socket: Duplex, answer: HttpAnswer): void {
  const body = `${answer.code}: ${answer.text}\n`;
  const headers = {
    Connection: 'close',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    ...answer.headers,
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // The peer may be gone already; there is nobody left to tell then.
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\n${head.join('')}\r\n${body}`);
}
