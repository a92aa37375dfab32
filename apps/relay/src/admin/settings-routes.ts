import type { RelayLimits, RelayServer } from '@sealane/server';
import type { RelayControl } from '../relay-control.js';
import { formatOrigin } from '../settings/config-problem.js';
import type { SettingEntry } from '../settings/configuration.js';
import type { SettingValue } from '../settings/setting.js';
import { ApiError } from './api-error.js';
import type { Answer, Call, Route } from './route.js';
import { idParameter } from './route-parameters.js';
import { ref } from './schemas.js';

const LIMITS = 'limits.';

/** What the relay is set to, and its limits, which are the settings that an operator may change. */
export function settingsRoutes(control: RelayControl, relay: RelayServer): readonly Route[] {
  const path = idParameter('path', 'path', 'of the setting: limits.maxSockets');
  const find = (wanted: string): SettingEntry => {
    const entry = control.settings().find(({ setting }) => setting.path === wanted);
    if (entry === undefined) throw new ApiError('NOT_FOUND', 'there is no such setting');
    return entry;
  };
  const tag = 'settings';
  return [
    {
      method: 'GET',
      path: '/api/v1/settings',
      role: 'read',
      id: 'listSettings',
      tag,
      summary: 'Every setting with its value and where that comes from; secrets are not shown',
      success: { status: 200, description: 'All of them', schema: ref('SettingList') },
      handle: () => ({ json: { items: control.settings().map(settingView) } }),
    },
    {
      method: 'GET',
      path: '/api/v1/settings/{path}',
      role: 'read',
      id: 'getSetting',
      tag,
      summary: 'One setting',
      parameters: [path],
      success: { status: 200, description: 'The setting', schema: ref('Setting') },
      errors: ['NOT_FOUND'],
      handle: ({ path: { path: wanted = '' } }) => ({ json: settingView(find(wanted)) }),
    },
    {
      method: 'PUT',
      path: '/api/v1/settings/{path}',
      role: 'admin',
      id: 'setSetting',
      tag,
      summary:
        'Changes a setting at run time, above file, environment and flags, until it is unset; what needs a restart cannot be changed',
      parameters: [path],
      body: ref('NewValue'),
      success: { status: 200, description: 'It holds, and is kept', schema: ref('Change') },
      handle: (call) => set(control, call.path['path'] ?? '', call),
    },
    {
      method: 'DELETE',
      path: '/api/v1/settings/{path}',
      role: 'admin',
      id: 'unsetSetting',
      tag,
      summary: 'Takes a change at run time back: file, environment, flags or the default hold again',
      parameters: [path],
      success: { status: 200, description: 'They hold', schema: ref('Change') },
      errors: ['NOT_FOUND'],
      handle: (call) => unset(control, find(call.path['path'] ?? ''), call),
    },
    {
      method: 'POST',
      path: '/api/v1/settings/reload',
      role: 'admin',
      id: 'reloadSettings',
      tag,
      summary:
        'Reads the file and the stored settings again, as SIGHUP does; no stream notices, but those above a lowered limit',
      success: { status: 200, description: 'They hold', schema: ref('Change') },
      handle: async ({ actor }) => ({ json: await control.reload(actor) }),
    },
    {
      method: 'GET',
      path: '/api/v1/limits',
      role: 'read',
      id: 'listLimits',
      tag: 'limits',
      summary: 'Every limit: what is set, and what is in force where the system allows less',
      success: { status: 200, description: 'All of them', schema: ref('LimitList') },
      handle: () => {
        const inForce = relay.limits;
        const entries = control.settings().filter(({ setting }) => setting.path.startsWith(LIMITS));
        const items = entries.map((entry) => {
          const name = entry.setting.path.slice(LIMITS.length);
          return { ...settingView(entry), name, inForce: inForce[name as keyof RelayLimits] };
        });
        return { json: { items } };
      },
    },
    {
      method: 'PUT',
      path: '/api/v1/limits/{name}',
      role: 'operate',
      id: 'setLimit',
      tag: 'limits',
      summary: 'Changes a limit at run time; above a lowered one the newest go at once',
      parameters: [idParameter('path', 'name', 'of the limit: maxSockets')],
      body: ref('NewValue'),
      success: { status: 200, description: 'It holds, and is kept', schema: ref('Change') },
      errors: ['NOT_FOUND'],
      handle: (call) => set(control, find(LIMITS + call.path['name']).setting.path, call),
    },
    {
      method: 'DELETE',
      path: '/api/v1/limits/{name}',
      role: 'operate',
      id: 'unsetLimit',
      tag: 'limits',
      summary: 'Takes a change at run time back',
      parameters: [idParameter('path', 'name', 'of the limit')],
      success: { status: 200, description: 'What was set otherwise holds', schema: ref('Change') },
      errors: ['NOT_FOUND'],
      handle: (call) => unset(control, find(LIMITS + call.path['name']), call),
    },
  ];
}

async function set(control: RelayControl, path: string, { body, actor }: Call): Promise<Answer> {
  return { json: await control.setSetting(path, (body as { value: unknown }).value, actor) };
}

async function unset(control: RelayControl, { setting, origin }: SettingEntry, { actor }: Call): Promise<Answer> {
  if (origin.kind !== 'run time') throw new ApiError('NOT_FOUND', `${setting.path} is not changed at run time`);
  return { json: await control.unsetSetting(setting.path, actor) };
}

function settingView({ setting, value, origin, running }: SettingEntry): Readonly<Record<string, unknown>> {
  const { path, kind, meaning, applies, isSecret } = setting;
  const shown = (some: SettingValue): unknown => (isSecret === true && some !== undefined ? '(set)' : (some ?? null));
  return {
    path,
    value: shown(value),
    default: shown(setting.default),
    origin: formatOrigin(origin),
    kind,
    meaning,
    applies,
    ...(running === undefined ? {} : { running: shown(running) }),
  };
}
