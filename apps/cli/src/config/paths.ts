import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the user's files are: XDG_CONFIG_HOME, on Windows APPDATA, else ~/.config; below it `sealane`. */
export function configDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base =
    absolute(env['XDG_CONFIG_HOME']) ?? (process.platform === 'win32' ? absolute(env['APPDATA']) : undefined);
  return join(base ?? join(homedir(), '.config'), 'sealane');
}

/** The XDG specification says that a relative path is to be ignored. */
function absolute(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  return path.startsWith('/') || /^[a-zA-Z]:[\\/]/.test(path) ? path : undefined;
}

export const configFile = (env?: NodeJS.ProcessEnv): string => join(configDirectory(env), 'config.json');
export const defaultIdentityFile = (env?: NodeJS.ProcessEnv): string => join(configDirectory(env), 'identity.json');
export const ticketUsesFile = (env?: NodeJS.ProcessEnv): string => join(configDirectory(env), 'ticket-uses.txt');
export const defaultKnownPeersFile = (env?: NodeJS.ProcessEnv): string =>
  join(configDirectory(env), 'known-peers.jsonl');
