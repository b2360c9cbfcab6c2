#!/usr/bin/env node
/**
 * From a bare clone to a running script, on any Node from 18: plain JavaScript, no dependency.
 *
 *   node scripts/bootstrap.mjs [--packages=run|test] [--build] SCRIPT [ARGUMENT…]
 *
 * It installs what is missing and says so: npm packages (from the lock file, without install
 * scripts), Node (from npm, where this one is older than package.json asks), Debian packages
 * (scripts/debian-packages.txt). Then it builds what changed and runs SCRIPT.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, '.cache');
const say = (text) => process.stderr.write(`vestibule: ${text}\n`);

const options = process.argv.slice(2);
const flags = [];
while (options[0]?.startsWith('--')) flags.push(options.shift());
const packages = flags.find((flag) => flag.startsWith('--packages='))?.slice('--packages='.length);
const [script, ...args] = options;

mkdirSync(cache, { recursive: true });
if (packages) installDebianPackages(packages);
const node = findNode();
installNpmPackages();
if (flags.includes('--build')) build();
if (script) process.exit(run(node, [join(root, script), ...args]));

/** Runs a program in the foreground; Ctrl+C goes to it, and its end is ours. */
function run(program, programArgs, env = {}) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  const path = `${dirname(node)}:${join(root, 'node_modules/.bin')}:${process.env.PATH}`;
  const result = spawnSync(program, programArgs, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path, ...env },
  });
  if (result.error) {
    say(`${program} could not be started: ${result.error.message}`);
    return 1;
  }
  return result.status ?? 1;
}

function installNpmPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.vestibule-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing npm packages from package-lock.json');
  // Not `npm ci`: it refuses a lock file made against a registry that lacks some platforms' optional
  // packages. This installs what the lock file pins, integrity checked, and leaves it as it is.
  must('npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  writeFileSync(stamp, lock);
}

/** The newest suitable Node: this one, or one that npm brings. */
function findNode() {
  if (newEnough(process.versions.node)) return process.execPath;
  const folder = join(cache, 'node');
  const name = `node-linux-${process.arch}`;
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    say(
      `Node ${process.versions.node} is older than the 24.21 that is needed: bringing Node 24 from npm`,
    );
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    must(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `${name}@24`],
      folder,
    );
  }
  return binary;
}

/**
 * As package.json asks. Older ones (seen with 22.14, 22.20 and 24.0) let the garbage collector take
 * a signal of `AbortSignal.any()` that only another such signal refers to, and with it the end of
 * what it should have ended; up to 22.14 a timeout among them, too.
 */
function newEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 21);
}

function installDebianPackages(purpose) {
  const wanted = readFileSync(join(root, 'scripts/debian-packages.txt'), 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([name, use]) => name && (use === 'run' || purpose === 'test'))
    .map(([name]) => name.split('|'));
  const query = spawnSync(
    'dpkg-query',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own fields
    ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted.flat()],
    {
      encoding: 'utf8',
    },
  );
  if (query.error) {
    say(
      `this is no Debian system; install what these packages hold: ${wanted.map((names) => names.join(' or ')).join(' ')}`,
    );
    return;
  }
  const present = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0].split(':')[0]),
  );
  const missing = wanted.filter((names) => !names.some((name) => present.has(name)));
  if (missing.length === 0) return;
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (sudo.length > 0 && spawnSync('sudo', ['-n', 'true']).status !== 0) {
    say(
      `Debian packages are missing, and there is no right to install them. As root, run:\n  apt-get install --no-install-recommends ${missing.map(offered).join(' ')}`,
    );
    process.exit(1);
  }
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  // An old package list is the usual reason for a failure, and refreshing it is cheap beside one.
  must(
    [...sudo, 'apt-get', 'update', '-q'][0],
    [...sudo, 'apt-get', 'update', '-qq'].slice(1),
    root,
    quiet,
  );
  const names = missing.map(offered);
  say(`installing Debian packages: ${names.join(' ')}`);
  const command = [...sudo, 'apt-get', 'install', '-y', '-q', '--no-install-recommends', ...names];
  must(command[0], command.slice(1), root, quiet);
}

/** The first of a package's names that this release offers; the last one where it cannot be told. */
function offered(names) {
  const known = (name) => spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0;
  return names.find((name, index) => index === names.length - 1 || known(name));
}

/** Rebuilds dist/ when a source is newer than the last build. */
function build() {
  const stamp = join(root, 'dist', '.built');
  const built = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  const sources = [
    'main',
    'preload',
    'renderer',
    'package-lock.json',
    'vite.config.ts',
    'vite.display.config.ts',
    'vite.main.config.ts',
  ];
  if (!sources.some((source) => newerThan(join(root, source), built))) return;
  say('building');
  const status = run(node, [join(root, 'scripts/build.ts')]);
  if (status !== 0) process.exit(status);
  writeFileSync(stamp, '');
}

function newerThan(path, time) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs > time;
  return readdirSync(path).some((name) => newerThan(join(path, name), time));
}

function must(program, programArgs, cwd = root, env = {}) {
  const result = spawnSync(program, programArgs, {
    cwd,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...env },
  });
  if (result.status !== 0) {
    say(`failed: ${program} ${programArgs.join(' ')}`);
    process.exit(result.status ?? 1);
  }
}
