import { type Attack, onConnect, onMessage } from '@sealane/hostile-relay';
import { MessageKind, Suite } from '@sealane/types';
import { expect } from 'vitest';
import type { End, MatrixCase } from '../matrix-case.js';
import type { MatrixStage } from '../matrix-stage.js';
import { changeMessage1, changeMessage2, KEM_BYTES, refused, secret } from './handshake-attacks.js';
/** Message 1 and 2 of a lesser suite, and refusals that could lead to one. */
export function lowerSuite(): MatrixCase[] {
  const allowed = [Suite.HYBRID, Suite.CLASSICAL];
  const lower = (message: Uint8Array): Uint8Array => {
    message[0] = Suite.CLASSICAL;
    return message;
  };
  const suite: readonly End[] = ['ERR_E2EE_SUITE'];
  const attempt = (attack: Attack, suites?: readonly Suite[]) => {
    return async (stage: MatrixStage): Promise<void> => {
      stage.attack(attack);
      const more = suites === undefined ? {} : { suites };
      await stage.attempt({ listen: more, dial: more });
    };
  };
  return [
    { attack: 'lowers the suite of message 1', ends: refused, run: attempt(changeMessage1(lower)) },
    {
      attack: 'lowers the suite of message 1 where both sides would allow it',
      ends: refused,
      run: attempt(changeMessage1(lower), allowed),
    },
    {
      attack: 'lowers the suite of message 2',
      ends: { dialer: suite, owner: ['nothing'] },
      run: attempt(changeMessage2(lower)),
    },
    {
      attack: 'lowers the suite of message 2 and leaves the KEM ciphertext out, where both sides would allow it',
      ends: { dialer: suite, owner: ['nothing'] },
      run: attempt(
        changeMessage2((message2) => Buffer.concat([Uint8Array.of(Suite.CLASSICAL), message2.slice(1 + KEM_BYTES)])),
        allowed,
      ),
    },
    {
      attack: 'refuses with every code, so that the dialer may try a lesser suite: it never does',
      ends: { owner: ['nothing'] },
      onlyVirtual: true,
      run: async (stage) => {
        const owner = await stage.owner({ suites: allowed });
        const dialer = await stage.dialer();
        const used = new Set<number | undefined>();
        for (let code = 0; code <= 30; code++) {
          stage.attack(
            onConnect(({ message1 }) => void used.add(message1?.[0])),
            onMessage(MessageKind.ACCEPT, (_, { way }) =>
              way === 'down' ? [{ kind: MessageKind.REJECT, code, keycert: null, text: '' }] : undefined,
            ),
          );
          await stage.errorOf(dialer.client.dial(owner.listener.address, { suites: allowed }));
        }
        expect([...used]).toEqual([Suite.HYBRID]);
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'lowers the suite of message 1 where an access secret is set',
      ends: refused,
      run: async (stage) => {
        stage.attack(changeMessage1(lower));
        await stage.attempt({ listen: secret, dial: secret });
      },
    },
  ];
}
