import type { Credential, SigningKey } from '@sealane/crypto/credential';

export interface ServerIdentity {
  readonly identity: Credential;
  readonly nodeKey: SigningKey;
  readonly nodeEpoch: number;
  /** Lets another process use the directory. Idempotent; the end of the process does the same. */
  release(): Promise<void>;
}

/** Opens a relay's data directory. */
export async function loadServerIdentity(_dataDir: string): Promise<ServerIdentity> {
  throw new Error('not yet');
}
