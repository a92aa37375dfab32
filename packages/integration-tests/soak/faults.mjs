// What goes wrong during a soak. Each fault takes its time and leaves everything as it was.
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `pick(array)` and `between(a, b)` decide; names say what was done to whom. */
export function createFaults({ relays, pairs, wires }, { pick, between }) {
  const stop = async (standing) => {
    standing.process.signal('SIGSTOP');
    await sleep(between(500, 8_000));
    standing.process.signal('SIGCONT');
    return standing.name;
  };
  const kill = async (relay) => {
    relay.isDown = true;
    await relay.process.kill();
    await sleep(between(0, 2_000));
    await relay.start();
  };
  return {
    'relay killed': async () => {
      const relay = pick(relays);
      await kill(relay);
      return relay.name;
    },
    'both relays killed': async () => {
      await Promise.all(relays.map(kill));
      return 'both';
    },
    'relay drained': async () => {
      const relay = pick(relays);
      relay.isDown = true;
      const { code } = await relay.process.stop('SIGTERM', 30_000);
      if (code !== 0) throw new Error(`${relay.name} ended with ${code} after SIGTERM`);
      await relay.start();
      return relay.name;
    },
    'relay stood still': () => stop(pick(relays)),
    'connect stood still': () => stop(pick(pairs).connect),
    'expose stood still': () => stop(pick(pairs).expose),
    'links cut': async () => {
      const cut = wires.filter(() => between(0, 1) < 0.5);
      for (const wire of cut) wire.cutAll();
      return `${cut.length} wires`;
    },
    'network silent': async () => {
      const wire = pick(wires);
      wire.stall(true);
      await sleep(between(500, 6_000));
      wire.stall(false);
      // Half of the time what was held back arrives late, half of the time it never does.
      if (between(0, 1) < 0.5) wire.cutAll();
      return 'one wire';
    },
  };
}
