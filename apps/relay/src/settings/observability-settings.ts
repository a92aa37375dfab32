import { choiceSetting, type Setting, switchSetting, textSetting } from './setting.js';

export const logLevels = ['off', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogIds = 'full' | 'short';

/** What an operator and their programs see of the relay. */
export const observabilitySettings: {
  readonly logLevel: Setting<LogLevel>;
  readonly logIds: Setting<LogIds>;
  readonly logFile: Setting<string | undefined>;
  readonly metricsOpen: Setting<boolean>;
} = {
  logLevel: choiceSetting({
    path: 'log.level',
    default: 'off',
    meaning: 'least weight of what the log has, as JSON lines beside what the program prints',
    applies: 'live',
    choices: logLevels,
  }),
  logIds: choiceSetting({
    path: 'log.ids',
    default: 'full',
    meaning: 'ids of clients, links and connections in the log: whole, or their first 8 characters',
    applies: 'live',
    choices: ['full', 'short'],
  }),
  logFile: textSetting<string | undefined>({
    path: 'log.file',
    default: undefined,
    meaning: 'file that the log is added to, opened again at SIGHUP; without it the log is on standard error',
    applies: 'restart',
    check: (text) => (text.trim() === '' ? 'is empty' : undefined),
  }),
  metricsOpen: switchSetting({
    path: 'metrics.open',
    default: false,
    meaning: '/metrics on the admin listener needs no token',
    applies: 'live',
  }),
};
