import type { CliEvent } from './events.js';

/**
 * For a program that another one runs, as ssh runs its ProxyCommand: what goes well is not told, only trouble, what comes
 * of it, and what a person must know. The function says which events stay untold.
 */
export function createOnlyTrouble(): (event: CliEvent) => boolean {
  let isTroubled = false;
  return (event) => {
    switch (event.event) {
      case 'connected':
        // The other side was reached: the trouble is over.
        return !end();
      case 'stream':
        return event.state !== 'reset';
      case 'status':
        if (event.state === 'connecting') return true;
        if (event.state === 'connected') return !isTroubled;
        if (event.state === 'pinned') return false;
        isTroubled = true;
        return false;
      default:
        return false;
    }
  };

  function end(): boolean {
    const wasTroubled = isTroubled;
    isTroubled = false;
    return wasTroubled;
  }
}
