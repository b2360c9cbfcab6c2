/** The command that turns an .rdp file into an entry's target. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RdpTarget } from '../../../main/sessions/rdp/target.ts';

const folder = mkdtempSync(join(tmpdir(), 'rdp-import-'));
const file = join(folder, 'desk.rdp');
const command = ['main/cli.ts', 'rdp', 'import', file];

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('prints the target, and says what it leaves out', () => {
  writeFileSync(
    file,
    'full address:s:desk.example\ngatewayhostname:s:gate.example\nremoteapplicationmode:i:1\n',
  );
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const target = RdpTarget.parse(JSON.parse(stdout));
  expect(target.hosts[0]?.host).toBe('desk.example');
  expect(target.gateway?.host).toBe('gate.example');
  expect(stderr).toBe('not carried over: remoteapplicationmode\n');
});

test('what is no .rdp file fails with its reason', () => {
  writeFileSync(file, 'nothing');
  expect(() => execFileSync(process.execPath, command, { stdio: 'pipe' })).toThrow(
    /REMOTE_NEGOTIATION_FAILED/,
  );
});
