export interface LiveOptions {
  readonly json?: boolean;
  readonly stdio?: boolean;
  /** Undefined where nothing was said. */
  readonly live?: boolean;
}

/** A live view needs a terminal that can move its cursor, and nobody who asked for plain lines. */
export function wantsLive(
  options: LiveOptions,
  isTerminal: boolean = process.stdout.isTTY === true,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  if (options.json === true || options.stdio === true || !isTerminal || options.live === false) return false;
  const term = env['TERM'];
  if (term === 'dumb' || (!term && process.platform !== 'win32')) return false;
  return options.live === true || !env['NO_COLOR'];
}
