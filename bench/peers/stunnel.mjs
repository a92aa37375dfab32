import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, untilCarrying } from '../stage.mjs';
import { findProgram, MissingPeerError, outputOf, versionOf } from './programs.mjs';

export const name = 'stunnel';
export const description = 'stunnel, nginx (`stream`), stunnel: TLS 1.3 with ChaCha20-Poly1305 from end to end, in C';

const suite = 'TLS_CHACHA20_POLY1305_SHA256';

export async function start(stage, backendPort) {
  const stunnel = findProgram('stunnel', 'stunnel4');
  const nginx = findProgram('nginx');
  const loadModule = await streamModule(nginx);
  const directory = stage.directory('stunnel');
  await makeCertificate(directory);
  const [ownerPort, middlePort, port] = [await freePort(), await freePort(), await freePort()];

  const owner = startStunnel(stage, stunnel, join(directory, 'owner.conf'), [
    '[owner]',
    `accept = 127.0.0.1:${ownerPort}`,
    `connect = 127.0.0.1:${backendPort}`,
    `cert = ${directory}/certificate.pem`,
    `key = ${directory}/key.pem`,
  ]);
  const config = join(directory, 'nginx.conf');
  writeFileSync(
    config,
    `${loadModule}daemon off; master_process off; pid ${directory}/nginx.pid; error_log stderr warn;
events { worker_connections 4096; }
stream { server { listen 127.0.0.1:${middlePort}; proxy_pass 127.0.0.1:${ownerPort}; } }
`,
  );
  const middle = stage.command(nginx, ['-p', directory, '-e', 'stderr', '-c', config]);
  const dialer = startStunnel(stage, stunnel, join(directory, 'dialer.conf'), [
    '[dialer]',
    'client = yes',
    `accept = 127.0.0.1:${port}`,
    `connect = 127.0.0.1:${middlePort}`,
    `CAfile = ${directory}/certificate.pem`,
    'verifyPeer = yes',
  ]);
  await untilCarrying(port, [owner, middle, dialer]);
  return {
    port,
    processes: [
      { name: 'dialer side', pids: [dialer.pid] },
      { name: 'middle', pids: [middle.pid] },
      { name: 'owner side', pids: [owner.pid] },
    ],
    version: `${versionOf(stunnel, ['-version'], /stunnel [\d.]+/)}, ${versionOf(nginx, ['-v'], /nginx\/[\d.]+/)}`,
  };
}

function startStunnel(stage, stunnel, file, service) {
  const global = ['foreground = yes', 'pid =', 'syslog = no', 'debug = warning', 'sslVersionMin = TLSv1.3'];
  writeFileSync(file, [...global, ...service, `ciphersuites = ${suite}`, ''].join('\n'));
  return stage.command(stunnel, [file]);
}

/** The line that loads nginx's stream proxy, where it is a module of its own. */
async function streamModule(nginx) {
  const built = await outputOf(nginx, ['-V']);
  if (/--with-stream(\s|$)/.test(built)) return '';
  const prefix = /--prefix=(\S+)/.exec(built)?.[1] ?? '/usr/share/nginx';
  const modules = /--modules-path=(\S+)/.exec(built)?.[1] ?? join(prefix, 'modules');
  const file = join(modules, 'ngx_stream_module.so');
  if (!/--with-stream=dynamic/.test(built) || !existsSync(file)) {
    throw new MissingPeerError('nginx has no stream proxy (Debian: libnginx-mod-stream)');
  }
  return `load_module ${file};\n`;
}

async function makeCertificate(directory) {
  const subject = ['-subj', '/CN=benchmark', '-days', '2'];
  const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'certificate.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  await outputOf(findProgram('openssl'), ['req', '-x509', ...key, ...subject, ...files]);
}
