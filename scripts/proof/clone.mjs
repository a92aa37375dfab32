import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../check/root.mjs';
import { must } from './command.mjs';

/** The files of the working tree, committed as the only commit of a new repository with a remote `origin` of its own. */
export async function createClone(directory, remote) {
  const listed = await must('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of listed.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    cpSync(join(root, file), join(directory, file));
  }
  const git = (...args) => must('git', args, { cwd: directory });
  await must('git', ['init', '--quiet', '--bare', remote]);
  await git('init', '--quiet', '--initial-branch', 'main');
  await git('config', 'user.name', 'Maintainer');
  await git('config', 'user.email', 'maintainer@example.org');
  await git('config', 'commit.gpgsign', 'false');
  await git('remote', 'add', 'origin', remote);
  await git('add', '--all');
  await git('commit', '--quiet', '-m', 'State before the release');
  await git('push', '--quiet', 'origin', 'main');
  return git;
}
