import { choiceSetting, durationSetting, listSetting, type Setting, switchSetting, textSetting } from './setting.js';

export const RULES = ['open', 'allowlist', 'token', 'approval', 'callout'] as const;
export type RuleName = (typeof RULES)[number];

type TextSetting = Setting<string | undefined>;

/** Who may use the relay (docs/admission.md). */
export const admissionSettings: {
  readonly require: Setting<readonly string[]>;
  readonly anonymousDialers: Setting<boolean>;
  readonly allowFile: TextSetting;
  readonly tokenFile: TextSetting;
  readonly approvedFile: TextSetting;
  readonly briefEnrolmentMs: Setting<number>;
  readonly calloutUrl: TextSetting;
  readonly calloutTokenFile: TextSetting;
  readonly calloutTimeoutMs: Setting<number>;
  readonly calloutOnFailure: Setting<'refuse' | 'admit'>;
} = {
  require: listSetting({
    path: 'admission.require',
    default: [],
    meaning: `who may use the relay: all entries have to admit, of the rules in an entry, with a vertical bar between them, one is enough; the rules are ${RULES.join(', ')}; without any entry everybody may`,
    applies: 'live',
    flag: '--admit RULES',
    check: (text) =>
      parseRules(text) === undefined ? `has ${JSON.stringify(text)}; the rules are ${RULES.join(', ')}` : undefined,
  }),
  anonymousDialers: switchSetting({
    path: 'admission.anonymousDialers',
    default: true,
    meaning: 'who looks up, lists and dials need not be admitted, and stays unknown to the relay',
    applies: 'live',
    flag: '--no-anonymous',
  }),
  allowFile: file('admission.allowFile', 'ids for the rule allowlist, one per line', '--allow-file FILE'),
  tokenFile: file(
    'admission.tokenFile',
    'tokens from before the database, which are taken over into it',
    '--token-file FILE',
  ),
  approvedFile: file(
    'admission.approvedFile',
    'ids that are approved beside those in the database, for the rule approval',
    '--approved-file FILE',
  ),
  briefEnrolmentMs: durationSetting({
    path: 'admission.briefEnrolment',
    default: 30 * 86_400_000,
    meaning:
      'how long an identity stays enrolled by a token if it was not seen after its first day, as those of one-time addresses; 0: for ever',
    applies: 'live',
    max: 3_650 * 86_400_000,
  }),
  calloutUrl: textSetting<string | undefined>({
    path: 'callout.url',
    default: undefined,
    meaning: 'service that the rule callout asks, http: or https:',
    applies: 'live',
    flag: '--callout URL',
    isSecret: true,
    check: (text) => (/^https?:\/\/[^\s@]+$/i.test(text) ? undefined : 'is no http:// or https:// URL'),
  }),
  calloutTokenFile: file('callout.tokenFile', 'bearer token for that service', '--callout-token-file FILE'),
  calloutTimeoutMs: durationSetting({
    path: 'callout.timeout',
    default: 3_000,
    meaning: 'how long its answer may take',
    applies: 'live',
    min: 1,
    max: 60_000,
    flag: '--callout-timeout SECONDS',
  }),
  calloutOnFailure: choiceSetting({
    path: 'callout.onFailure',
    default: 'refuse',
    choices: ['refuse', 'admit'],
    meaning: 'what no answer means: nobody new gets in, or everybody does',
    applies: 'live',
    flag: '--callout-failure MODE',
  }),
};

/** The rules of one entry, of which one is enough; undefined for a text that has others. */
export function parseRules(text: string): readonly RuleName[] | undefined {
  const names = text.split('|').map((name) => name.trim());
  return names.every((name): name is RuleName => RULES.some((rule) => rule === name)) ? names : undefined;
}

function file(name: string, content: string, flag: string): TextSetting {
  return textSetting<string | undefined>({
    path: name,
    default: undefined,
    meaning: `file with ${content}${name.startsWith('callout') ? '' : '; read again when it changes'}`,
    applies: 'live',
    flag,
    check: (text) => (text.trim() === '' ? 'is empty' : undefined),
  });
}
