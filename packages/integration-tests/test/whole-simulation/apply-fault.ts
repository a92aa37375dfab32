import type { FaultPlan } from './plan.js';
import type { RelayHost, SimulatedWire } from './relay-host.js';
import type { WholeWorld } from './simulation.js';

/** Does what goes wrong. What takes a while ends by itself. */
export async function applyFault(world: WholeWorld, fault: FaultPlan): Promise<void> {
  const { clock, hosts } = world;
  const host = hosts[fault.pick % hosts.length]!;
  const wires = hosts.flatMap((each) => each.liveWires);
  const wire = wires[fault.pick % Math.max(1, wires.length)];
  switch (fault.kind) {
    case 'cut':
      (fault.byClient ? wire?.near : wire?.far)?.abort('cut');
      return;
    case 'cut-later':
      if (wire !== undefined) wire.left[fault.from] = fault.messages;
      return;
    case 'mute':
      if (wire !== undefined) mute(wire, fault.directions);
      return;
    case 'stall': {
      const link = fault.byClient ? wire?.near : wire?.far;
      link?.pause();
      clock.schedule(fault.forMs, () => link?.resume());
      return;
    }
    case 'owner-links':
      for (const { client, near } of wires) if (client === 'owner') near.abort('the network changed');
      return;
    case 'all-links':
      for (const { near } of wires) near.abort('the network changed');
      return;
    case 'kill':
      host.kill();
      await restart(world, host, fault.downMs);
      return;
    case 'drain':
      await host.drain(fault.deadlineMs);
      await restart(world, host, fault.downMs);
      return;
    case 'sleep':
      clock.jumpWall(fault.forMs);
  }
}

function mute(wire: SimulatedWire, [first, second]: readonly [boolean, boolean]): void {
  wire.muted[0] ||= first;
  wire.muted[1] ||= second;
}

function restart({ clock }: WholeWorld, host: RelayHost, downMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    clock.schedule(downMs, () => host.start().then(resolve, reject));
  });
}
