import type { Socket } from 'node:net';
import type { Clock } from '@sealane/types';

/** What is read and dropped of a peer that was told its refusal and goes on sending. */
const MAX_DROPPED_BYTES = 1_048_576;
/** How long the peer has to read the refusal and to close. */
const MAX_WAIT_MS = 2_000;

/**
 * Ends a socket whose peer was just told why, without taking the answer back: a socket that is closed with bytes unread
 * sends a reset, and a reset overtakes what was said before. So a bounded rest is read and dropped, and then the socket
 * stands still, until the peer closes or the time is over. Other listeners see nothing of it.
 */
export function drainAndDestroy(socket: Socket, clock: Clock): void {
  if (socket.destroyed) return;
  let dropped = 0;
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Uint8Array) => {
    dropped += chunk.length;
    if (dropped > MAX_DROPPED_BYTES) socket.pause();
  });
  const timer = clock.schedule(MAX_WAIT_MS, () => socket.destroy());
  socket.once('end', () => socket.destroy());
  socket.once('close', () => timer.cancel());
  socket.resume();
}
