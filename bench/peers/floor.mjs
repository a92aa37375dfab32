export const name = 'floor';
export const description = 'three plain TCP forwarders in Node: no encryption, no identities';

/** Three plain forwarders in a row in front of the backend. */
export async function start(stage, backendPort) {
  const processes = [];
  let port = backendPort;
  for (const hop of ['owner side', 'middle', 'dialer side']) {
    const forwarder = await stage.helper('forwarder.mjs', [port]);
    ({ port } = forwarder);
    processes.unshift({ name: hop, pids: [forwarder.pid] });
  }
  return { port, processes, version: `Node ${process.versions.node}` };
}
