import { describe, expect, test } from 'vitest';
import { selectShell } from '../../../main/shell/select.ts';

const CHROMIUM = '/usr/lib/chromium/chromium';
const having =
  (...paths: string[]) =>
  (path: string) =>
    paths.includes(path);
const root = '/srv/vestibule';

describe('which shell', () => {
  test('auto takes Electron where the npm package has its program', () => {
    const program = `${root}/node_modules/electron/dist/electron`;
    expect(selectShell({ env: {}, root, executable: having(program, CHROMIUM) })).toEqual({
      kind: 'electron',
      program,
      reason: null,
    });
  });

  test('auto falls back to Chromium and says why', () => {
    const choice = selectShell({ env: {}, root, executable: having(CHROMIUM) });
    expect(choice).toMatchObject({ kind: 'chromium', program: CHROMIUM });
    expect(choice.reason).toContain('Electron');
  });

  test('ELECTRON_OVERRIDE_DIST_PATH comes first, PATH last, npm scripts never', () => {
    const executable = having(
      '/opt/e/electron',
      '/usr/bin/electron',
      '/x/node_modules/.bin/electron',
    );
    const choose = (env: Record<string, string>) =>
      selectShell({ env: { VESTIBULE_SHELL: 'electron', ...env }, root, executable }).program;
    expect(choose({ ELECTRON_OVERRIDE_DIST_PATH: '/opt/e', PATH: '/usr/bin' })).toBe(
      '/opt/e/electron',
    );
    expect(choose({ PATH: '/x/node_modules/.bin:/usr/bin' })).toBe('/usr/bin/electron');
    expect(() => choose({ PATH: '/x/node_modules/.bin' })).toThrow('install-electron');
  });

  test('chromium on request is no fallback', () => {
    expect(
      selectShell({ env: { VESTIBULE_SHELL: 'chromium' }, root, executable: having(CHROMIUM) })
        .reason,
    ).toBeNull();
  });

  test('a wish that is not one, and nothing at all, each say what to do', () => {
    const executable = having();
    expect(() => selectShell({ env: { VESTIBULE_SHELL: 'firefox' }, root, executable })).toThrow(
      'electron, chromium or auto',
    );
    expect(() => selectShell({ env: {}, root, executable })).toThrow(
      'install the package chromium',
    );
  });
});
