import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { exchange, startEchoServer, startProcess } from '../../packages/testkit/dist/index.js';
import { assert } from './checks.mjs';
import { must } from './command.mjs';

const BYTES = 8 * 1_048_576;

/** `--version` and `--help` of both programs, as links in `binDirectory`. */
export async function checkVersionAndHelp(binDirectory, version) {
  for (const name of ['sealane', 'sealane-relay']) {
    const program = join(binDirectory, name);
    const printed = (await must(program, ['--version'])).trim();
    assert(printed === version, `${name} --version prints "${printed}" and not "${version}"`);
    const help = await must(program, ['--help']);
    assert(help.includes(`Usage: ${name} `), `${name} --help prints no usage:\n${help}`);
  }
}

/** Relay, expose and connect, each the installed program, carry 8 MiB there and back. */
export async function checkExposeAndConnect(binDirectory, directory) {
  const started = [];
  const start = (name, args) => {
    const command = join(binDirectory, name);
    const [first, ...rest] = [...args, '--json'];
    const env = { XDG_CONFIG_HOME: join(directory, name), SEALANE_RELAY: undefined };
    const child = startProcess(first, rest, { command, env });
    started.push(child);
    return child;
  };
  const echo = await startEchoServer();
  try {
    const relay = start('sealane-relay', ['--listen', '127.0.0.1:0', '--data-dir', join(directory, 'relay-data')]);
    const { url } = await relay.waitFor('listening');
    const owner = start('sealane', ['expose', String(echo.port), '--relay', url, '--allow-any']);
    const { address } = await owner.waitFor('ready');
    const dialer = start('sealane', ['connect', address, '--listen', '127.0.0.1:0']);
    const { address: local } = await dialer.waitFor('listening');
    const payload = randomBytes(BYTES);
    const answer = await exchange({ port: Number(local.split(':').at(-1)) }, [payload]);
    assert(answer.end === 'fin', `the connection ended with ${answer.end}`);
    assert(answer.bytes === BYTES, `${answer.bytes} of ${BYTES} bytes came back`);
    assert(answer.sha256 === createHash('sha256').update(payload).digest('hex'), 'other bytes came back');
    for (const child of [dialer, owner, relay]) {
      const { code, signal } = await child.stop();
      assert(code === 0, `${child.label} ended with ${code ?? signal} after SIGTERM\n${child.stderr}`);
    }
  } finally {
    await Promise.all(started.map((child) => child.kill()));
    await echo.close();
  }
}
