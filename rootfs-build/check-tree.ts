/**
 * What must be true of every tree, whatever Debian's packages bring: who may become root, who owns
 * what is run, what listens for logins, what differs from computer to computer.
 */
import { lstat, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from './run.ts';
import { walk } from './runtime-package.ts';

/** Of sysusers.d/vestibule.conf. */
const KIOSK = 470;

/** @returns a sentence for each thing that is wrong */
export async function checkTree(tree: string): Promise<string[]> {
  const [files, accounts, units] = await Promise.all([
    checkFiles(tree),
    checkAccounts(tree),
    checkUnits(tree),
  ]);
  return [...files, ...accounts, ...units];
}

async function checkFiles(tree: string): Promise<string[]> {
  const wrong: string[] = [];
  for await (const path of walk(tree)) {
    const stat = await lstat(path);
    const name = `/${relative(tree, path)}`;
    if (stat.isSymbolicLink()) continue;
    if (stat.isFile() && (stat.mode & 0o6000) !== 0) wrong.push(`${name} is setuid or setgid`);
    if (stat.uid === KIOSK) wrong.push(`${name} belongs to the kiosk's user`);
    if (stat.uid !== 0 && stat.isFile()) wrong.push(`${name} belongs to user ${stat.uid}`);
    const sticky = stat.isDirectory() && (stat.mode & 0o1000) !== 0;
    if ((stat.mode & 0o002) !== 0 && !sticky && !stat.isCharacterDevice()) {
      wrong.push(`${name} may be written by everyone`);
    }
  }
  const capable = await run('getcap', ['-r', join(tree, 'usr')]);
  if (capable.trim() !== '') wrong.push(`files with capabilities: ${capable.trim()}`);
  if ((await readFile(join(tree, 'etc/machine-id'), 'utf8')) !== '') {
    wrong.push('/etc/machine-id is the same on every computer');
  }
  return wrong;
}

async function checkAccounts(tree: string): Promise<string[]> {
  const shadow = await readFile(join(tree, 'etc/shadow'), 'utf8');
  return shadow
    .split('\n')
    .filter((line) => line !== '' && !/^[^:]+:!/.test(line))
    .map((line) => `the account ${line.split(':')[0]} can be logged into`);
}

/** systemd's own opinion, by the tree's systemd; and that what is masked is. */
async function checkUnits(tree: string): Promise<string[]> {
  const wrong: string[] = [];
  const names = ['display', 'windows', 'kiosk', 'helper', 'state', 'swap'].map(
    (part) => `vestibule-${part}.service`,
  );
  try {
    const output = await run('chroot', [
      tree,
      'sh',
      '-c',
      `systemd-analyze verify --man=no ${names.join(' ')} 2>&1`,
    ]);
    for (const line of output.split('\n')) if (/vestibule/.test(line)) wrong.push(line);
  } catch (error) {
    wrong.push(error instanceof Error ? error.message : String(error));
  }
  for (const unit of ['getty@.service', 'debug-shell.service', 'ctrl-alt-del.target']) {
    const target = await readlink(join(tree, 'etc/systemd/system', unit)).catch(() => '');
    if (target !== '/dev/null') wrong.push(`${unit} is not masked`);
  }
  return wrong;
}
