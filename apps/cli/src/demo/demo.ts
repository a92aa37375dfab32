import type { DemoOptions } from '../commands/demo.js';

export async function runDemo(_options: DemoOptions): Promise<void> {}
