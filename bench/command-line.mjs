import { parseArgs } from 'node:util';

/**
 * What the command line of a program asks for. With `--help` it prints the usage and ends; what it does not understand is one
 * line and the usage on standard error, and exit code 1.
 */
export function readCommandLine(usage, options, { allowPositionals = false } = {}) {
  const { values, positionals } = orUsage(usage, () =>
    parseArgs({ allowPositionals, options: { ...options, help: { type: 'boolean', default: false } } }),
  );
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  return {
    options: values,
    positionals,
    /** The number above 0 that an option has. */
    number: (name, fallback, { isWhole = false } = {}) =>
      orUsage(usage, () => numberOf(name, values[name] ?? fallback, isWhole)),
    /** The regular expression that an option has. */
    pattern: (name, fallback = '') => orUsage(usage, () => new RegExp(values[name] ?? fallback)),
  };
}

/** What was asked for cannot be done. */
export function refuse(usage, reason) {
  console.error(`error: ${reason}\n\n${usage}`);
  process.exit(1);
}

function numberOf(name, value, isWhole) {
  const number = Number(value);
  const isRight = Number.isFinite(number) && number > 0 && (!isWhole || Number.isInteger(number));
  if (!isRight) throw new Error(`--${name}: a ${isWhole ? 'whole ' : ''}number above 0`);
  return number;
}

function orUsage(usage, read) {
  try {
    return read();
  } catch (error) {
    return refuse(usage, error.message.split('. To specify')[0]);
  }
}
