import { describe, expect, it } from 'vitest';
import { allSettings, environmentName, findByEnvironment, findSetting, isSection, suggestPath } from './registry.js';
import { formatValue } from './setting.js';

describe('every setting', () => {
  it.each(allSettings.map((setting) => [setting.path, setting] as const))('%s', (path, setting) => {
    expect(path).toMatch(/^([a-z][A-Za-z0-9]*[.])*[a-z][A-Za-z0-9]*$/);
    expect(isSection(path)).toBe(false);
    expect(findSetting(path)).toBe(setting);
    // Two paths that differ by a dot or a capital would share a name.
    expect(findByEnvironment(environmentName(path))).toBe(setting);
    expect(setting.meaning).toMatch(/^[^|\n]{10,}[^.|\n]$/);
    if (setting.default === undefined) return;
    // As it is printed, it is read back as itself.
    expect(setting.read(formatValue(setting, setting.default))).toEqual(setting.default);
  });

  it('is found by a path that nearly is its own, and by its name alone', () => {
    expect(suggestPath('limits.maxsocket')).toBe('limits.maxSockets');
    expect(suggestPath('maxSockets')).toBe('limits.maxSockets');
    expect(suggestPath('something else')).toBeUndefined();
    expect(suggestPath('x'.repeat(10_000))).toBeUndefined();
  });
});
