const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `999 B`, `1.23 kB`, `45.6 MB`, `789 GB`: at most seven characters. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `9:59`, `1:00:00`, `24:00:00`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number): string => String(value % 60).padStart(2, '0');
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600)];
  return hours === 0 ? `${minutes}:${two(seconds)}` : `${hours}:${two(minutes)}:${two(seconds)}`;
}

export function formatRtt(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return `${ms.toFixed(ms < 9.95 ? 1 : 0)} ms`;
}
