import type net from 'node:net';

const open = new Set<net.Socket>();

/**
 * From now on the end of this program resets the socket if it is still open: the platform would end it in good order,
 * and the local program would take what it got for all there was.
 */
export function resetAtExit(socket: net.Socket): void {
  if (open.size === 0) process.once('exit', resetOpenSockets);
  open.add(socket);
  socket.once('close', () => {
    open.delete(socket);
    if (open.size === 0) process.off('exit', resetOpenSockets);
  });
}

function resetOpenSockets(): void {
  for (const socket of open) resetSocket(socket);
}

/** A TCP socket is reset at once, whatever still waits to be written; a unix socket knows no reset and is closed. */
export function resetSocket(socket: net.Socket): void {
  if (socket.localAddress !== undefined) socket.resetAndDestroy();
  // By itself the call above waits until everything is written.
  socket.destroy();
}
