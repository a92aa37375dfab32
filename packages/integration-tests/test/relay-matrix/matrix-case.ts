import type { ErrorCode } from '@sealane/types';
import type { MatrixStage } from './matrix-stage.js';

/**
 * How an attempt ends for one side. `right bytes`: everything arrived and ended. `nothing`: the application never heard
 * of it. `still up`: the lease or link is in force and serves, and nothing was to be transferred.
 */
export type End = 'right bytes' | 'nothing' | 'still up' | ErrorCode;

export type Side = 'dialer' | 'owner';

/** One line of the matrix in docs/threat-model.md. The four nevers are checked after each of them. */
export interface MatrixCase {
  /** What the relay does, so that it follows on "The relay". */
  readonly attack: string;
  /** Every end that was seen, for each side that the attack is aimed at; exactly these, unless it varies. */
  readonly ends: Readonly<Partial<Record<Side, readonly End[]>>>;
  /** Which of the ends it is depends on the moment, and need not be each of them in every run. */
  readonly varies?: true;
  /** In the document instead of a long list of ends. */
  readonly said?: Readonly<Partial<Record<Side, string>>>;
  /** Real sockets would need real time, or thousands of attempts. */
  readonly onlyVirtual?: true;
  readonly run: (stage: MatrixStage) => Promise<void>;
}

export interface MatrixGroup {
  /** Two letters or less; with a number it names a test. */
  readonly key: string;
  readonly title: string;
  /** Its sessions outlive their paths. In other groups they end with them. */
  readonly resumes?: true;
  readonly cases: readonly MatrixCase[];
}

export interface NamedCase extends MatrixCase {
  readonly name: string;
}

export function namedCases(group: MatrixGroup): NamedCase[] {
  return group.cases.map((each, index) => ({ ...each, name: `${group.key}${index + 1}` }));
}
