import { type HostileLink, isDataFrom } from '@sealane/hostile-relay';
import type { Side } from './matrix-case.js';
import type { MatrixStage } from './matrix-stage.js';

/** Once, when an exchange is under way and its session confirmed, something is done on the links of one side. */
export function inExchange(stage: MatrixStage, side: Side, act: (link: HostileLink) => void): void {
  let isDone = false;
  stage.attack((frame) => {
    const isBegun = stage.owners.some(({ served }) => served.some(({ ends }) => ends.includes('open')));
    if (isDone || !isBegun || !isDataFrom(frame, 'dialer') || frame.data.length < 500) return undefined;
    isDone = true;
    const links = side === 'owner' ? stage.relay.ownerLinks : stage.relay.dialerLinks;
    queueMicrotask(() => {
      for (const link of links) act(link);
    });
    return undefined;
  });
}
