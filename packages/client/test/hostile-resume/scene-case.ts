import { expect, it } from 'vitest';
import { type End, Scene, type SceneOptions } from './scene.js';

/** One attack, declared as in the matrix of docs/threat-model.md: what the relay does, and how it ends for each side. */
export interface SceneCase extends SceneOptions {
  /** So that it follows on "A relay that". */
  readonly attack: string;
  readonly ends: { readonly dialer: End; readonly owner: End };
  /** Called while the bytes flow. */
  readonly act: (scene: Scene) => Promise<void>;
  /** After the end of the transfer. */
  readonly assert?: (scene: Scene) => void | Promise<void>;
}

export const bothRight: SceneCase['ends'] = { dialer: 'right bytes', owner: 'right bytes' };
export const bothTruncated: SceneCase['ends'] = { dialer: 'ERR_E2EE_TRUNCATED', owner: 'ERR_E2EE_TRUNCATED' };

/** Cases play side by side: each has a world of its own. */
export function playAll(cases: readonly SceneCase[]): void {
  it.concurrent.each(cases.map((each) => [each.attack, each] as const))('%s', async (_, each) => {
    const scene = await Scene.begin(each);
    await each.act(scene);
    expect(await scene.finish()).toEqual(each.ends);
    await each.assert?.(scene);
    await scene.close();
  });
}
