import { loadCrypto } from '@sealane/crypto';
import {
  type AdmissionPolicy,
  type AdmissionRule,
  Allowlist,
  approval,
  createAdmissionPolicy,
  HttpCallout,
  MemoryApprovalStore,
  open,
  tokens,
} from '@sealane/server/policy';
import type { Output } from '../output.js';
import { type RuleName, admissionSettings as settings } from '../settings/admission-settings.js';
import type { Configuration } from '../settings/configuration.js';
import { rulesOf } from './admission-rules.js';
import { parseIdList } from './id-list.js';
import { TokenFile } from './token-file.js';
import { readBoundedFile, watchFile } from './watched-file.js';

export interface Admission {
  readonly policy: AdmissionPolicy;
  /** Ends the looks at the files. */
  stop(): void;
}

/** The policy of the settings, from files that are read again when they change. Throws ERR_CONFIG, ERR_ARGUMENT. */
export async function createAdmission(configuration: Configuration, output: Output): Promise<Admission> {
  await loadCrypto();
  const stops: (() => void)[] = [];
  const watch = async (path: string, onText: (text: string) => void): Promise<void> => {
    const onProblem = (error: Error & { readonly code: string }): void =>
      output.warning(error.code, `what was read last stays in force: ${error.message}`);
    stops.push(await watchFile(path, onText, onProblem));
  };
  const rules = new Map<RuleName, AdmissionRule>([['open', open()]]);
  try {
    const allowFile = configuration.get(settings.allowFile);
    const tokenFile = configuration.get(settings.tokenFile);
    const approvedFile = configuration.get(settings.approvedFile);
    const url = configuration.get(settings.calloutUrl);
    if (allowFile !== undefined) {
      const list = new Allowlist();
      await watch(allowFile, (text) => list.replace(parseIdList(text, allowFile)));
      rules.set('allowlist', list);
    }
    if (tokenFile !== undefined) {
      const file = new TokenFile(tokenFile);
      await watch(tokenFile, (text) => file.replace(text));
      rules.set('token', tokens(file));
    }
    if (approvedFile !== undefined) {
      const store = new MemoryApprovalStore();
      let approved: readonly string[] = [];
      await watch(approvedFile, (text) => {
        const ids = parseIdList(text, approvedFile);
        for (const id of approved) if (!ids.includes(id)) store.withdraw(id);
        for (const id of ids) store.approve(id);
        approved = ids;
      });
      rules.set('approval', approval(store));
    }
    if (url !== undefined) rules.set('callout', await createCallout(url, configuration, output));
    const require = rulesOf((setting) => configuration.get(setting) as never).map((names) =>
      names.map((name) => rules.get(name)!),
    );
    return {
      policy: createAdmissionPolicy({ require, anonymousDialers: configuration.get(settings.anonymousDialers) }),
      stop: () => {
        for (const stop of stops) stop();
      },
    };
  } catch (error) {
    for (const stop of stops) stop();
    throw error;
  }
}

async function createCallout(url: string, configuration: Configuration, output: Output): Promise<HttpCallout> {
  const file = configuration.get(settings.calloutTokenFile);
  const bearer = file === undefined ? undefined : (await readBoundedFile(file)).trim();
  return new HttpCallout({
    url,
    timeoutMs: configuration.get(settings.calloutTimeoutMs),
    onFailure: configuration.get(settings.calloutOnFailure),
    onError: (problem) => output.trouble('CALLOUT', `the admission service: ${problem}`),
    ...(bearer === undefined ? {} : { bearer }),
  });
}
